import assert from 'node:assert/strict';
import { it } from 'node:test';
import { containerNamed, DESCRIPTION } from '../../../test/support/containers.js';
import { loggerTo, SILENT } from '../../../test/support/loggers.js';
import type { Container } from '../containers/index.js';
import { type CgroupFiles, type ContainerDescription, EVENT_TYPES, type Logger } from '../contracts/index.js';
import { CommonTimer } from '../timing/index.js';
import { EventRecorder } from './event-recorder.js';
import { EventStore } from './event-store.js';

type Departed = (name: string) => ContainerDescription | undefined;

function fixture(
  departed: Departed = () => undefined,
  memoryEvents: Record<string, string> = {},
  logger: Logger = SILENT,
) {
  let creations = 0;
  const store = new EventStore(() => ({ age: -1, count: -1 }));
  const clock = { now: () => 5_000_000, monotonic: () => 0 };
  const recorder = new EventRecorder({
    store,
    clock,
    timer: new CommonTimer(clock),
    logger,
    kernelLog: '/nonexistent',
    uptime: () => 1,
    cgroups: { reportsMemoryEvents: false, onMemoryEvents: () => {} },
    limits: {
      creationOf: ({ description: { createdAt = 0, createdAtExtraNs = 0 } }) => {
        creations++;
        return { createdAt, createdAtExtraNs };
      },
    },
    departed,
  });
  const records = new Map<string, Container>();
  const container = (name: string, description: Partial<ContainerDescription> = {}) => {
    const cgroup = { text: () => memoryEvents[name] } as unknown as CgroupFiles;
    const record =
      records.get(name) ?? containerNamed(name, { cgroup, description: { ...DESCRIPTION, ...description } });
    records.set(name, record);
    return record;
  };
  const all = () => store.query({ containerName: '/', below: true, types: new Set(EVENT_TYPES), max: -1 });
  return { recorder, store, creations: () => creations, all, container };
}

it('a creation event has the creation time of the container, or now when unknown', () => {
  const { recorder, all, container } = fixture();
  recorder.added(container('/a', { createdAt: 3_000_000 }));
  recorder.added(container('/b'));
  assert.deepEqual(
    all().map(({ time }) => time),
    [3_000_000, 5_000_000],
  );
});

it('a creation event is made at once for subscribers, and otherwise on request or after a while', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { recorder, store, creations, all, container } = fixture();
  recorder.added(container('/a'));
  assert.equal(creations(), 0);
  t.mock.timers.tick(3000);
  assert.equal(creations(), 1);
  recorder.added(container('/b'));
  assert.equal(all().length, 2);
  const heard: string[] = [];
  const filter = { containerName: '/', below: true, types: new Set(['containerCreation'] as const) };
  recorder.added(container('/c'));
  store.subscribe(filter, ({ containerName }) => heard.push(containerName));
  recorder.added(container('/d'));
  assert.deepEqual(heard, ['/d'], 'not what was created before');
  recorder.stop();
});

it('a deletion event has the exit code from the runtime, or −1 when it is never known', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let ended: ContainerDescription | undefined;
  const { recorder, all, container } = fixture((name) => (name === '/a' ? ended : undefined));
  recorder.removed(container('/a', { namespace: 'docker' }));
  recorder.removed(container('/b', { namespace: 'docker' }));
  recorder.removed(container('/c'));
  t.mock.timers.tick(1);
  assert.deepEqual(
    all().map(({ containerName }) => containerName),
    ['/c'],
  );
  ended = { state: { status: 'exited', exitCode: 3 } } as ContainerDescription;
  for (let i = 0; i < 50; i++) t.mock.timers.tick(100);
  const codes = Object.fromEntries(all().map(({ containerName, exitCode }) => [containerName, exitCode]));
  assert.deepEqual(codes, { '/a': 3, '/b': -1, '/c': -1 });
});

it('counters cause OOM events only while the kernel log cannot be read', () => {
  const { recorder, all, container } = fixture();
  recorder.start();
  recorder.counted(container('/a'), 2);
  assert.equal(all().length, 2);
  recorder.stop();
});

it('a large increase of a counter causes a limited number of events and one warning', () => {
  const lines: string[] = [];
  const { recorder, all, container } = fixture(undefined, {}, loggerTo(lines));
  recorder.counted(container('/a'), 1e12);
  recorder.counted(container('/a'), 2e12);
  assert.equal(all().length, 2_000);
  assert.deepEqual(lines, ['/a: 1000000000000 OOM kills at once; only 1000 events are recorded']);
});

it('on cgroup v2 the counters distinguish the container of the process from that of the limit', () => {
  const local = (limitHits: number, kills: number) => `low 0\nmax 9\noom ${limitHits}\noom_kill ${kills}\n`;
  const memoryEvents: Record<string, string> = {
    '/': '',
    '/tight': local(1, 0),
    '/tight/a': local(0, 4),
    '/own': local(2, 2),
  };
  const { recorder, all, container } = fixture(undefined, memoryEvents);
  recorder.start();
  for (const name of Object.keys(memoryEvents)) recorder.added(container(name));
  Object.assign(memoryEvents, { '/tight': local(4, 0), '/tight/a': local(0, 5), '/own': local(3, 4) });
  // The kernel counts a kill in `/tight/a` for `/tight`, too; and a limit more often than it kills.
  for (const [name, kills] of Object.entries({ '/tight/a': 1, '/tight': 1, '/own': 2 }))
    recorder.counted(container(name), kills);
  const recorded = all().filter(({ type }) => type !== 'containerCreation');
  assert.deepEqual(recorded.map(({ containerName, type }) => `${containerName} ${type}`).sort(), [
    '/own oom',
    '/own oom',
    '/own oomKill',
    '/tight oomKill',
    '/tight/a oom',
  ]);
  recorder.stop();
});

it('a kill missed by the counters is taken from the runtime', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { recorder, all, container } = fixture(
    () => ({ state: { exitCode: 137, oomKilled: true } }) as ContainerDescription,
  );
  recorder.start();
  const [counted, gone] = [container('/counted', { namespace: 'docker' }), container('/gone', { namespace: 'docker' })];
  recorder.counted(counted, 1);
  for (const ended of [counted, gone]) recorder.removed(ended);
  t.mock.timers.tick(1);
  const seen = all().map(({ containerName, type, exitCode = '' }) => `${containerName} ${type} ${exitCode}`.trim());
  assert.deepEqual(seen.sort(), [
    '/counted containerDeletion 137',
    '/counted oom',
    '/gone containerDeletion 137',
    '/gone oom',
  ]);
  recorder.stop();
});
