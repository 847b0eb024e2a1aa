import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type {
  CgroupFiles,
  Column,
  ContainerDescription,
  Logger,
  MetricSource,
  Probe,
  SampleCursor,
  SampleOutcome,
} from '../contracts/index.js';
import { PluginRecord } from '../plugins/record.js';
import { Supervisor } from '../plugins/supervisor.js';
import { Housekeeper, type HousekeepingOptions } from './housekeeper.js';
import type { SourcePlugin } from './monitored-container.js';

const FIELD = { name: 'cpu.usage.total', unit: 'count', kind: 'counter', help: '', source: {} } as const;
const OTHER = { ...FIELD, name: 'memory.working_set' } as const;
const DESCRIPTION: ContainerDescription = {
  aliases: [],
  labels: {},
  envs: {},
  networkMode: 'none',
  state: { status: 'running' },
};

const columns = (...labels: string[]): Column[] => labels.map((label) => ({ field: FIELD, labels: [label] }));

/** A probe whose numbers and outcome the test decides. */
class FakeProbe implements Probe {
  columns = columns('a');
  skipWhenIdle = true;
  value = 1;
  reads = 0;
  closed = 0;
  next: SampleOutcome | Error = 'ok';
  sign: number | undefined = 1;

  sample(row: { set(column: number, value: number): void }): SampleOutcome {
    this.reads++;
    const outcome = this.next;
    this.next = 'ok';
    if (outcome instanceof Error) throw outcome;
    if (outcome === 'ok') for (let i = 0; i < this.columns.length; i++) row.set(i, this.value + i);
    return outcome;
  }

  activity(): number {
    return this.sign ?? Number.NaN;
  }

  close(): void {
    this.closed++;
  }
}

function fixture(probes: Record<string, Probe | 'absent'>, options: Partial<HousekeepingOptions> = {}) {
  const time = { now: 1_000_000_000, monotonic: 0 };
  const clock = { now: () => time.now, monotonic: () => time.monotonic };
  const lines: string[] = [];
  const say = (message: string) => void lines.push(message);
  const logger: Logger = { debug: say, info: say, warn: say, error: say };
  const supervisor = new Supervisor(clock, logger);
  const ended: string[] = [];
  const kills: [string, number][] = [];
  const housekeeper = new Housekeeper(
    {
      interval: 1000,
      maxInterval: 60_000,
      dynamic: true,
      jitter: 0,
      idleRefresh: 10_000,
      historyDuration: 120_000,
      ...options,
    },
    clock,
    logger,
    supervisor,
    { ended: (name) => ended.push(name), oomKills: (name, count) => kills.push([name, count]) },
  );
  const sources: SourcePlugin[] = Object.entries(probes).map(([id, probe]) => {
    const record = new PluginRecord(id, id, id, 'ignore');
    record.state = 'running';
    const attach = () => (probe === 'absent' ? { absent: 'no such file' } : probe);
    const instance: MetricSource = { fields: [FIELD], part: 'cpu', attach };
    return { record, kind: 'metric-source', instance };
  });
  for (const source of sources) housekeeper.sourceAdded(source, sources);
  housekeeper.add({ name: '/x', description: DESCRIPTION, cgroup: {} as CgroupFiles });
  const container = housekeeper.get('/x')!;
  const sample = async (after = 1000) => {
    time.now += after * 1000;
    time.monotonic += after;
    await housekeeper.refresh(['/x'], 0);
  };
  const rows = () => {
    const window = container.ring.window();
    const cursor = {} as SampleCursor;
    return Array.from({ length: window.length }, (_, i) => {
      const { values, base, layout } = window.at(i, cursor);
      return [...values.subarray(base, base + layout.columns.length)];
    });
  };
  return { housekeeper, container, sample, rows, ended, kills, lines, sources, time };
}

/** A fixture that takes its samples by itself, one a second, while time passes; one has been taken. */
function sampling(
  probes: Record<string, Probe | 'absent'>,
  t: TestContext,
  options: Partial<HousekeepingOptions> = {},
) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
  const made = fixture(probes, { dynamic: false, ...options });
  const advance = (ms: number) => {
    made.time.now += ms * 1000;
    made.time.monotonic += ms;
    t.mock.timers.tick(ms);
  };
  made.housekeeper.start();
  advance(1);
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i++) advance(1000);
  };
  return { ...made, pass };
}

describe('a sample', () => {
  test('holds every probe’s columns side by side', async () => {
    const [a, b] = [new FakeProbe(), new FakeProbe()];
    b.columns = columns('b', 'c');
    b.value = 10;
    const { sample, rows } = fixture({ a, b });
    await sample();
    assert.deepEqual(rows(), [[1, 10, 11]]);
  });

  test('of an idle container repeats the numbers unread, for at most idleRefresh', (t) => {
    const probe = new FakeProbe();
    const { housekeeper, container, rows, pass } = sampling({ probe }, t);
    pass(8);
    assert.equal(probe.reads, 1);
    assert.equal(rows().length, 9);
    probe.value = 5;
    pass(2);
    assert.equal(probe.reads, 2);
    assert.deepEqual(rows().at(-1), [5]);
    probe.sign = 2;
    pass(1);
    assert.equal(probe.reads, 3);
    assert.equal(container.ring.length, 12);
    housekeeper.stop();
  });

  test('that is asked for holds no number older than was asked for', async (t) => {
    const probe = new FakeProbe();
    const { housekeeper, container, rows, pass } = sampling({ probe }, t);
    pass(5);
    probe.value = 5;
    await housekeeper.refresh(['/x'], 6_000_000);
    assert.equal(container.ring.length, 6, 'the newest sample and all that it repeats are young enough');
    pass(1);
    assert.deepEqual(rows().at(-1), [1]);
    await housekeeper.refresh(['/x'], 3_000_000);
    assert.deepEqual(rows().slice(-2), [[1], [5]], 'it is young enough, what it repeats is not');
    assert.equal(probe.reads, 2);
    await housekeeper.refresh(['/x'], 0);
    assert.equal(probe.reads, 3);
    housekeeper.stop();
  });

  test('always reads probes that do not skip, and those of containers without a sign of activity', (t) => {
    const [never, silent, off] = [new FakeProbe(), new FakeProbe(), new FakeProbe()];
    never.skipWhenIdle = false;
    silent.sign = undefined;
    for (const [probe, options] of [
      [never, {}],
      [silent, {}],
      [off, { idleRefresh: 0 }],
    ] as const) {
      const { housekeeper, pass } = sampling({ probe }, t, options);
      pass(4);
      assert.equal(probe.reads, 5);
      housekeeper.stop();
      t.mock.timers.reset();
    }
  });

  test('starts a new layout when a probe’s columns change, and old samples keep theirs', async () => {
    const probe = new FakeProbe();
    const { sample, rows } = fixture({ probe });
    await sample();
    probe.columns = columns('a', 'b');
    probe.next = 'layout-changed';
    probe.sign = 2;
    await sample();
    assert.deepEqual(rows(), [[1], [1, 2]]);
  });

  test('goes on without a probe whose files are gone, and says so', async () => {
    const [a, b] = [new FakeProbe(), new FakeProbe()];
    b.value = 10;
    const { sample, rows, ended, container } = fixture({ a, b });
    await sample();
    a.next = 'ended';
    a.sign = 2;
    await sample();
    assert.deepEqual(rows(), [[1, 10], [10]]);
    assert.deepEqual(ended, ['/x']);
    assert.equal(a.closed, 1);
    assert.deepEqual(
      container.absences.map(({ what }) => what),
      ['a'],
    );
  });

  test('keeps the others’ numbers when a probe throws, and leaves that probe’s absent', async () => {
    const [a, b] = [new FakeProbe(), new FakeProbe()];
    const { sample, rows, sources, lines } = fixture({ a, b }, { idleRefresh: 0 });
    for (let i = 0; i < 3; i++) {
      a.next = new Error('odd file');
      await sample();
    }
    assert.deepEqual(rows().at(-1), [Number.NaN, 1]);
    assert.equal(sources[0]!.record.errors, 3);
    assert.equal(lines.filter((line) => line.includes('odd file')).length, 1);
    await sample();
    assert.deepEqual(rows().at(-1), [1, 1]);
  });

  test('asks absent sources again when files may have appeared', async () => {
    const probes: Record<string, Probe | 'absent'> = { a: new FakeProbe(), late: 'absent' };
    const { sample, rows, sources, container } = fixture(probes);
    await sample();
    assert.equal(container.absences.length, 1);
    const late = new FakeProbe();
    late.value = 7;
    Object.assign(sources[1]!.instance, { attach: () => late });
    await sample(2000);
    assert.deepEqual(rows().at(-1), [1, 7]);
    assert.equal(container.absences.length, 0);
  });

  test('keeps times ascending over a small step back of the clock, and starts anew after a large one', async () => {
    const { sample, rows, time, container } = fixture({ a: new FakeProbe() });
    await sample();
    time.now -= 1_500_000;
    await sample();
    assert.equal(rows().length, 2);
    assert.equal(container.ring.latestTime, 1_001_000_001);
    time.now -= 3_600_000_000;
    await sample();
    assert.equal(rows().length, 1);
  });
});

describe('housekeeping', () => {
  test('feeds the summary from the well-known fields', async () => {
    const probe = new FakeProbe();
    probe.columns = [{ field: FIELD }, { field: OTHER }];
    probe.skipWhenIdle = false;
    probe.value = 0;
    const { sample, container } = fixture({ probe });
    await sample();
    probe.value = 500_000_000;
    await sample();
    assert.deepEqual(container.summarizer.stats().latest, { cpu: 500, memory: 500_000_001 });
  });

  test('tells of OOM kills that the counter gained, not of those it began with', async () => {
    const probe = new FakeProbe();
    probe.columns = [{ field: { ...FIELD, name: 'oom.kills' } }];
    probe.skipWhenIdle = false;
    const { sample, kills } = fixture({ probe });
    await sample();
    await sample();
    probe.value = 4;
    await sample();
    await sample();
    assert.deepEqual(kills, [['/x', 3]]);
  });

  test('samples by itself, doubles the interval of what stands still and comes back when it moves', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    const probe = new FakeProbe();
    const { housekeeper, container, time } = fixture({ probe });
    const pass = (ms: number) => {
      for (let i = 0; i < ms; i += 20) {
        time.monotonic += 20;
        time.now += 20_000;
        t.mock.timers.tick(20);
      }
    };
    housekeeper.start();
    pass(1000);
    assert.ok(container.ring.length >= 1);
    pass(10_000);
    assert.ok(container.interval >= 4000, `${container.interval}`);
    pass(200_000);
    assert.equal(container.interval, 60_000);
    probe.value = 2;
    let back = false;
    for (let i = 0; i < 61_000 && !back; i += 20) {
      pass(20);
      back = container.interval < 60_000;
    }
    assert.ok(back, 'back at the base interval within the longest one');
    housekeeper.stop();
    assert.equal(probe.closed, 1);
  });

  test('at a fixed interval takes a sample per interval, without drift', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    const { housekeeper, container, time } = fixture({ a: new FakeProbe() }, { dynamic: false, jitter: 0.5 });
    housekeeper.start();
    for (let i = 0; i < 60_000; i += 20) {
      time.monotonic += 20;
      time.now += 20_000;
      t.mock.timers.tick(20);
    }
    assert.ok(Math.abs(container.ring.length - 60) <= 1, `${container.ring.length} samples in 60 s`);
    assert.equal(housekeeper.missed, 0);
    housekeeper.stop();
  });

  test('tells when every container has its first sample, or is gone', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    const { housekeeper, container, time } = fixture({ a: new FakeProbe() });
    housekeeper.add({ name: '/y', description: DESCRIPTION, cgroup: {} as CgroupFiles });
    let sampled = false;
    const wait = housekeeper.whenSampled().then(() => {
      sampled = true;
    });
    await Promise.resolve();
    assert.equal(sampled, false);
    housekeeper.remove('/y');
    housekeeper.start();
    time.monotonic += 1;
    t.mock.timers.tick(1);
    await wait;
    assert.equal(container.ring.length, 1);
    await housekeeper.whenSampled();
    housekeeper.stop();
  });

  test('beats while samples are taken as they fall due, and not when the loop is stuck or every sample fails', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    const { housekeeper, container, time } = fixture({ a: new FakeProbe() }, { dynamic: false });
    const pass = (ms: number) => {
      time.monotonic += ms;
      t.mock.timers.tick(ms);
    };
    housekeeper.start();
    pass(1);
    assert.ok(housekeeper.isBeating(), 'a sample was taken');
    assert.ok(housekeeper.isBeating(), 'none is due');
    time.monotonic += 5000;
    assert.ok(!housekeeper.isBeating(), 'one is due, and not taken');
    assert.equal(housekeeper.trouble(), undefined);
    time.monotonic += 10_000;
    assert.match(housekeeper.trouble()!, /^a sample of \/x has been due for 1\d s$/);
    pass(1000);
    assert.ok(housekeeper.isBeating(), 'taken late');
    assert.equal(housekeeper.trouble(), undefined);
    t.mock.method(container.ring, 'push', () => {
      throw new Error('out of memory');
    });
    pass(2000);
    assert.ok(!housekeeper.isBeating(), 'none could be stored');
    assert.equal(housekeeper.trouble(), 'no container can be sampled: out of memory');
    housekeeper.stop();
    assert.match(housekeeper.trouble()!, /has ended/);
  });

  test('another interval and history count at once, and samples are kept', async () => {
    const options = { interval: 60_000, maxInterval: 60_000, dynamic: true, jitter: 0, idleRefresh: 0 };
    const { housekeeper, container, sample, time } = fixture({ a: new FakeProbe() }, options);
    await sample();
    await sample();
    container.due = container.nominalDue = time.monotonic + 50_000;
    housekeeper.reconfigure({ ...options, interval: 1000, historyDuration: 60_000 });
    assert.ok(container.due <= time.monotonic + 1000);
    assert.equal(container.interval, 1000);
    assert.equal(container.ring.duration, 60_000_000);
    assert.equal(container.ring.length, 2);
    const { due } = container;
    housekeeper.reconfigure({ ...options, interval: 1000, historyDuration: 500 });
    assert.equal(container.due, due);
    await sample();
    assert.equal(container.ring.length, 1);
    housekeeper.stop();
  });

  test('a removed container is let go of', () => {
    const probe = new FakeProbe();
    const { housekeeper, container } = fixture({ probe });
    container.attached = true;
    housekeeper.remove('/x');
    assert.equal(housekeeper.get('/x'), undefined);
    assert.equal(container.place, -1);
  });
});
