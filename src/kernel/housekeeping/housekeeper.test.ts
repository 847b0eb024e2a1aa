import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { containerNamed } from '../../../test/support/containers.js';
import { FakeProbe, FIELD, housekeepingBench } from '../../../test/support/housekeeping-bench.js';
import { SAMPLING } from './monitored-container.js';

const OTHER = { ...FIELD, name: 'other.memory', role: 'working-set' } as const;

describe('housekeeping', () => {
  it('feeds the summary from the fields of CPU time and working set, whatever they are called', async () => {
    const probe = new FakeProbe();
    probe.columns = [{ field: FIELD }, { field: OTHER }];
    probe.skipWhenIdle = false;
    probe.value = 0;
    const { sample, container } = housekeepingBench({ probe });
    await sample();
    probe.value = 500_000_000;
    await sample();
    assert.deepEqual(container.summarizer.stats().latest, { cpu: 500, memory: 500_000_001 });
  });

  it('reports OOM kills that the counter gained, not of those it began with', async () => {
    const probe = new FakeProbe();
    probe.columns = [{ field: { ...FIELD, name: 'oom.kills', role: 'oom-kills' as const } }];
    probe.skipWhenIdle = false;
    const { sample, kills } = housekeepingBench({ probe });
    await sample();
    await sample();
    probe.value = 4;
    await sample();
    await sample();
    assert.deepEqual(kills, [['/x', 3]]);
  });

  it('samples by itself, doubles the interval of what stands still and comes back when it moves', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    const probe = new FakeProbe();
    const { housekeeper, container, time } = housekeepingBench({ probe });
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
    probe.value = probe.sign = 2;
    let back = false;
    for (let i = 0; i < 61_000 && !back; i += 20) {
      pass(20);
      back = container.interval < 60_000;
    }
    assert.ok(back, 'back at the base interval within the longest one');
    housekeeper.stop();
    assert.equal(probe.closed, 1);
  });

  it('takes the samples of idle containers together, at most a second late, and reads the files for every second one', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    const probe = new FakeProbe();
    const { housekeeper, container, time } = housekeepingBench({ probe });
    const others = Array.from({ length: 200 }, (_, i) => containerNamed(`/other${i}`));
    for (const other of others) housekeeper.added(other);
    const all = [container, ...others.map((other) => other.get(SAMPLING)!)];
    let wakeUps = 0;
    const pass = (seconds: number) => {
      for (let i = 0; i < seconds * 50; i++) {
        time.monotonic += 20;
        time.now += 20_000;
        const before = housekeeper.sampler.taken;
        t.mock.timers.tick(20);
        if (housekeeper.sampler.taken > before) wakeUps++;
        for (const { nominalDue, interval } of all) assert.ok(time.monotonic <= nominalDue + Math.min(interval, 1100));
      }
    };
    housekeeper.start();
    pass(200);
    assert.ok(all.every(({ interval }) => interval === 60_000));
    const [taken, reads] = [housekeeper.sampler.taken, probe.reads];
    wakeUps = 0;
    pass(240);
    assert.ok(wakeUps <= 241, `${wakeUps} wake-ups in 240 s`);
    assert.equal(housekeeper.sampler.taken - taken, 4 * all.length);
    assert.ok(Math.abs(probe.reads - reads - 2 * all.length) <= all.length / 10, `${probe.reads - reads} reads`);
    assert.equal(housekeeper.missed, 0);
    housekeeper.stop();
  });

  it('samples a container that is being looked at every 500 ms, backs off again 10 s later, and does so for 8 at most', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    const { housekeeper, container, time } = housekeepingBench({ probe: new FakeProbe() });
    const pass = (ms: number) => {
      for (let i = 0; i < ms; i += 20) {
        time.monotonic += 20;
        time.now += 20_000;
        t.mock.timers.tick(20);
      }
    };
    housekeeper.start();
    pass(200_000);
    assert.equal(container.interval, 60_000);
    const before = container.ring.length;
    assert.equal(housekeeper.watch(container.container), 500);
    pass(9_000);
    const taken = container.ring.length - before;
    assert.ok(taken >= 16 && taken <= 18, `${taken} samples in 9 s`);
    const others = Array.from({ length: 8 }, (_, i) => containerNamed(`/other${i}`));
    for (const other of others) housekeeper.added(other);
    assert.deepEqual(
      others.map((other) => housekeeper.watch(other)),
      [...Array(7).fill(500), 1000],
    );
    pass(120_000);
    assert.ok(container.interval > 10_000, `${container.interval}`);
    assert.equal(housekeeper.watch(others[7]!), 500);
    housekeeper.removed(others[7]!);
    assert.equal(housekeeper.watch(others[7]!), undefined);
    housekeeper.stop();
  });

  it('at a fixed interval takes a sample per interval, without drift', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    const { housekeeper, container, time } = housekeepingBench({ a: new FakeProbe() }, { dynamic: false, jitter: 0.5 });
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

  it('tells when every container has its first sample, or is gone', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    const { housekeeper, container, time } = housekeepingBench({ a: new FakeProbe() });
    const other = containerNamed('/y');
    housekeeper.added(other);
    let sampled = false;
    const wait = housekeeper.whenSampled().then(() => {
      sampled = true;
    });
    await Promise.resolve();
    assert.equal(sampled, false);
    housekeeper.removed(other);
    housekeeper.start();
    time.monotonic += 1;
    t.mock.timers.tick(1);
    await wait;
    assert.equal(container.ring.length, 1);
    await housekeeper.whenSampled();
    housekeeper.stop();
  });

  it('beats while samples are taken as they fall due, and not when the loop is stuck or every sample fails', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    // In some phases the next sample is due right after the first one.
    t.mock.method(Math, 'random', () => 0.5);
    const { housekeeper, container, time } = housekeepingBench({ a: new FakeProbe() }, { dynamic: false });
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
    assert.equal(housekeeper.problem(), undefined);
    time.monotonic += 10_000;
    assert.match(housekeeper.problem()!, /^a sample of \/x has been due for 1\d s$/);
    pass(1000);
    assert.ok(housekeeper.isBeating(), 'taken late');
    assert.equal(housekeeper.problem(), undefined);
    const fail = () => {
      throw new Error('out of memory');
    };
    t.mock.method(container.ring, 'push', fail);
    t.mock.method(container.ring, 'repeat', fail);
    pass(2000);
    assert.ok(!housekeeper.isBeating(), 'none could be stored');
    assert.equal(housekeeper.problem(), 'no container can be sampled: out of memory');
    housekeeper.stop();
    assert.match(housekeeper.problem()!, /has ended/);
  });

  it('another interval and history count at once, and samples are kept', async () => {
    const options = {
      interval: 60_000,
      maxInterval: 60_000,
      dynamic: true,
      jitter: 0,
      idleRefresh: 0,
      maxIdleRefresh: 0,
    };
    const { housekeeper, container, sample, time } = housekeepingBench({ a: new FakeProbe() }, options);
    await sample();
    await sample();
    container.due = container.nominalDue = time.monotonic + 50_000;
    housekeeper.reconfigure({ ...options, interval: 1000, historyDurationMs: 60_000 });
    assert.ok(container.due <= time.monotonic + 1000);
    assert.equal(container.interval, 1000);
    assert.equal(container.ring.duration, 60_000_000);
    assert.equal(container.ring.length, 2);
    const { due } = container;
    housekeeper.reconfigure({ ...options, interval: 1000, historyDurationMs: 500 });
    assert.equal(container.due, due);
    await sample();
    assert.equal(container.ring.length, 1);
    housekeeper.stop();
  });

  it('a removed container is let go of', () => {
    const probe = new FakeProbe();
    const { housekeeper, record, container } = housekeepingBench({ probe });
    container.attached = true;
    housekeeper.removed(record);
    assert.equal(container.place, -1);
  });
});
