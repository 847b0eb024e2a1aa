import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ContainerEvent, EVENT_TYPES, type EventType } from '../contracts/index.js';
import { EventStore } from './index.js';
import { OomParser, parseRecord } from './kernel-log.js';

const ALL: ReadonlySet<EventType> = new Set(EVENT_TYPES);
const everything = { containerName: '/', below: true, types: ALL, max: -1 };
const arbitraryEvent = fc.record({
  containerName: fc.constantFrom('/', '/a', '/a/b', '/ab'),
  time: fc.integer({ min: 0, max: 100 }),
  type: fc.constantFrom(...EVENT_TYPES),
});

function filled(events: readonly ContainerEvent[], retention = { age: -1, count: -1 }): EventStore {
  const store = new EventStore(() => retention);
  for (const event of events) store.add(event);
  return store;
}

describe('EventStore', () => {
  it('removes events after a change of the retention', () => {
    let retention = { age: -1, count: -1 };
    const store = new EventStore(() => retention);
    for (let time = 0; time < 10; time++) store.add({ containerName: '/a', type: 'oom', time: time * 1000 });
    retention = { age: 5, count: 100 };
    store.prune();
    assert.equal(store.query(everything).length, 6);
    retention = { age: -1, count: 2 };
    store.prune();
    assert.equal(store.query(everything).length, 2);
    retention = { age: -1, count: 0 };
    store.prune();
    assert.equal(store.query(everything).length, 0);
  });

  it('selects by container, type and time, then limits to the newest', () => {
    fc.assert(
      fc.property(fc.array(arbitraryEvent), fc.integer({ min: -1, max: 5 }), (events, max) => {
        const types = new Set<EventType>(['oom', 'containerCreation']);
        const query = { containerName: '/a', below: true, types, start: 20, end: 80, max };
        const expected = events
          .filter(({ containerName, type }) => /^\/a(\/|$)/.test(containerName) && types.has(type))
          .filter(({ time }) => time >= 20 && time <= 80)
          .map(({ time }) => time)
          .sort((a, b) => a - b);
        const found = filled(events)
          .query(query)
          .map(({ time }) => time);
        assert.deepEqual(found, max < 0 ? expected : expected.slice(expected.length - Math.min(max, expected.length)));
      }),
    );
  });

  it('a container name does not match its descendants', () => {
    const store = filled([{ containerName: '/a/b', time: 1, type: 'oom' }]);
    assert.equal(store.query({ ...everything, containerName: '/a', below: false }).length, 0);
    assert.equal(store.query({ ...everything, containerName: '/a' }).length, 1);
  });

  it('applies count and age per type', () => {
    const events = Array.from({ length: 10 }, (_, i) => ({ containerName: '/', time: i * 1e6, type: 'oom' as const }));
    assert.equal(filled(events, { age: -1, count: 3 }).query(everything).length, 3);
    assert.equal(filled(events, { age: 4000, count: -1 }).query(everything).length, 5);
    assert.equal(filled(events, { age: -1, count: 0 }).query(everything).length, 0);
  });

  it('keeps exactly the newest events, also when they arrive out of order', () => {
    fc.assert(
      fc.property(fc.array(arbitraryEvent, { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), (events, count) => {
        const store = new EventStore(() => ({ age: -1, count }));
        let model: ContainerEvent[] = [];
        for (const event of events) {
          store.add(event);
          const same = [...model.filter(({ type }) => type === event.type), event].sort((a, b) => a.time - b.time);
          model = [...model.filter(({ type }) => type !== event.type), ...same.slice(-count)];
        }
        const times = (list: readonly ContainerEvent[]) => list.map(({ time }) => time).sort((a, b) => a - b);
        assert.deepEqual(times(store.query(everything)), times(model));
      }),
    );
  });

  it('adding an event to a full store does not move the others', () => {
    const store = filled([], { age: -1, count: 1_000 });
    const splice = Array.prototype.splice;
    const add = (time: number) => store.add({ containerName: '/a', type: 'oom', time });
    for (let time = 0; time < 1_000; time++) add(time);
    let moved = 0;
    Array.prototype.splice = function counted(...args: Parameters<typeof splice>) {
      moved += this.length;
      return splice.apply(this, args);
    };
    try {
      for (let time = 1_000; time < 1_100; time++) add(time);
    } finally {
      Array.prototype.splice = splice;
    }
    assert.equal(moved, 0);
    assert.equal(store.query(everything).length, 1_000);
  });

  it('makes a delayed event when a query has its type, not before', () => {
    const store = filled([]);
    let made = 0;
    store.addLater('containerCreation', () => ({ containerName: '/a', time: ++made, type: 'containerCreation' }));
    assert.equal(store.query({ ...everything, types: new Set(['oom'] as const) }).length, 0);
    assert.equal(made, 0);
    assert.equal(store.query(everything).length, 1);
    assert.equal(store.query(everything).length, 1);
    assert.equal(made, 1);
    store.stop();
  });

  it('subscribers receive matching events, also ones that are not stored, until they unsubscribe', () => {
    const store = filled([], { age: -1, count: 0 });
    const got: ContainerEvent[] = [];
    const end = store.subscribe({ containerName: '/a', below: false, types: ALL }, (event) => got.push(event));
    const event = { containerName: '/a', time: 1, type: 'oom' } as const;
    store.add(event);
    store.add({ ...event, containerName: '/b' });
    end();
    store.add(event);
    assert.deepEqual(got, [event]);
  });
});

const MODERN = [
  'stress invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0',
  'CPU: 1 PID: 42 Comm: stress Not tainted',
  'memory: usage 4096kB, limit 4096kB, failcnt 12',
  'memory+swap: usage 4096kB, limit 9007199254740988kB, failcnt 0',
  'oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=my, app,pid=42,uid=0',
  'Memory cgroup out of memory: Killed process 42 (my, app) total-vm:8192kB, anon-rss:4096kB',
];
const OLD = [
  'busybox invoked oom-killer: gfp_mask=0x0, order=0',
  'Task in /a/b killed as a result of limit of /a',
  'Killed process 7 (busybox) total-vm:8192kB',
];

function parse(lines: readonly string[]) {
  const parser = new OomParser();
  return lines.flatMap((text, i) => parser.parse({ sinceBoot: i, text }) ?? []);
}

describe('OomParser', () => {
  it('reads the container of the task, the container of the limit and the victim', () => {
    assert.deepEqual(parse(MODERN), [
      {
        sinceBoot: 5,
        taskContainer: '/a/b',
        limitContainer: '/a',
        victim: { pid: 42, processName: 'my, app', constraint: 'CONSTRAINT_MEMCG', limit: 4 * 2 ** 20 },
      },
    ]);
    assert.deepEqual(parse(OLD), [
      { sinceBoot: 2, taskContainer: '/a/b', limitContainer: '/a', victim: { pid: 7, processName: 'busybox' } },
    ]);
  });

  it('reports one kill per report, and none without a report', () => {
    assert.equal(parse([...MODERN, ...OLD]).length, 2);
    assert.equal(parse(MODERN.slice(4)).length, 0);
  });

  it('knows no limit where only another kind of memory has one', () => {
    const unlimited = MODERN.map((line) => line.replace('limit 4096kB', 'limit 9007199254740988kB'));
    assert.equal(parse(unlimited)[0]!.victim.limit, undefined);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (raw) => {
        const record = parseRecord(raw);
        if (record !== undefined) new OomParser().parse(record);
        new OomParser().parse({ sinceBoot: 0, text: raw });
      }),
    );
    assert.deepEqual(parseRecord('6,339,5140900,-;text\n SUBSYSTEM=x'), { sinceBoot: 5140900, text: 'text' });
  });
});
