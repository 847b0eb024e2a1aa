import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { columns, FakeProbe, housekeepingBench, samplingBench } from '../../../test/support/housekeeping-bench.js';
import type { Probe } from '../contracts/index.js';

describe('a sample', () => {
  it('holds every probe’s columns side by side', async () => {
    const [a, b] = [new FakeProbe(), new FakeProbe()];
    b.columns = columns('b', 'c');
    b.value = 10;
    const { sample, rows } = housekeepingBench({ a, b });
    await sample();
    assert.deepEqual(rows(), [[1, 10, 11]]);
  });

  it('of an idle container repeats the numbers unread, for at most idleRefresh', (t) => {
    const probe = new FakeProbe();
    const { housekeeper, container, rows, pass } = samplingBench({ probe }, t);
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

  it('of a container that stays idle is read less and less often, but at least every maxIdleRefresh', (t) => {
    const probe = new FakeProbe();
    const { housekeeper, rows, pass } = samplingBench({ probe }, t, { maxIdleRefresh: 40_000 });
    pass(10 + 20 + 40 + 10 * 40);
    assert.ok(probe.reads >= 13 && probe.reads <= 15, `${probe.reads} reads`);
    probe.value = 5;
    for (let waited = 0; rows().at(-1)![0] !== 5; waited++) {
      assert.ok(waited < 40, 'the change was found in time');
      pass(1);
    }
    const reads = probe.reads;
    pass(10);
    assert.equal(probe.reads, reads + 1, 'after a change it is read as often as before');
    housekeeper.stop();
  });

  it('of an idle container reads what only its CPU time moves once after it ran, and again when that is absent or asked for', async (t) => {
    const probe = new FakeProbe();
    const drifting = new FakeProbe();
    Object.assign(probe, { standsWhenIdle: true });
    const { housekeeper, record, rows, pass } = samplingBench({ probe, drifting }, t, { maxIdleRefresh: 20_000 });
    const reads = () => [probe.reads, drifting.reads];
    pass(30);
    assert.deepEqual(reads(), [2, 3], 'the first refresh reads everything, the second one does not');
    drifting.value = 5;
    pass(20);
    assert.deepEqual([...reads(), rows().at(-1)], [2, 4, [1, 5]]);
    pass(50);
    const before = reads();
    probe.sign = probe.value = 2;
    pass(1);
    assert.deepEqual([...reads(), rows().at(-1)], [before[0]! + 1, before[1]! + 1, [2, 5]]);
    probe.next = new Error('EIO');
    pass(10);
    assert.deepEqual(rows().at(-1), [Number.NaN, 5]);
    pass(40);
    assert.deepEqual(rows().at(-1), [2, 5], 'what was absent is read again');
    pass(40);
    const [own] = reads();
    await housekeeper.refresh([record], 0);
    assert.equal(probe.reads, own! + 1);
    housekeeper.stop();
  });

  it('that is asked for holds no number older than was asked for', async (t) => {
    const probe = new FakeProbe();
    const { housekeeper, record, container, rows, pass } = samplingBench({ probe }, t);
    pass(5);
    probe.value = 5;
    await housekeeper.refresh([record], 6_000_000);
    assert.equal(container.ring.length, 6, 'the newest sample and all that it repeats are young enough');
    pass(1);
    assert.deepEqual(rows().at(-1), [1]);
    await housekeeper.refresh([record], 3_000_000);
    assert.deepEqual(rows().slice(-2), [[1], [5]], 'it is young enough, what it repeats is not');
    assert.equal(probe.reads, 2);
    await housekeeper.refresh([record], 0);
    assert.equal(probe.reads, 3);
    housekeeper.stop();
  });

  it('of a running container may repeat numbers that cannot have moved, for at most idleRefresh', async (t) => {
    const probe = new FakeProbe();
    const repeating: Probe = {
      columns: columns('a'),
      close() {},
      sample(row) {
        if (!row.mayRepeat) return probe.sample(row);
        row.repeat(0, 1);
        return 'ok';
      },
    };
    const { housekeeper, record, rows, pass } = samplingBench({ repeating }, t);
    pass(8);
    probe.value = 5;
    assert.deepEqual([probe.reads, rows().length, rows().at(-1)], [1, 9, [1]]);
    pass(2);
    assert.deepEqual([probe.reads, rows().at(-1)], [2, [5]]);
    pass(5);
    probe.value = 6;
    await housekeeper.refresh([record], 6_000_000);
    assert.equal(probe.reads, 2, 'what it repeats is young enough');
    await housekeeper.refresh([record], 3_000_000);
    assert.deepEqual([probe.reads, rows().at(-1)], [3, [6]]);
    await housekeeper.refresh([record], 0);
    assert.equal(probe.reads, 4);
    housekeeper.stop();
  });

  it('always reads probes that do not skip, and those of containers without a sign of activity', (t) => {
    const [never, silent, off] = [new FakeProbe(), new FakeProbe(), new FakeProbe()];
    never.skipWhenIdle = false;
    silent.sign = undefined;
    for (const [probe, options] of [
      [never, {}],
      [silent, {}],
      [off, { idleRefresh: 0 }],
    ] as const) {
      const { housekeeper, pass } = samplingBench({ probe }, t, options);
      pass(4);
      assert.equal(probe.reads, 5);
      housekeeper.stop();
      t.mock.timers.reset();
    }
  });

  it('starts a new layout when a probe’s columns change, and old samples keep theirs', async () => {
    const probe = new FakeProbe();
    const { sample, rows } = housekeepingBench({ probe });
    await sample();
    probe.columns = columns('a', 'b');
    probe.next = 'layout-changed';
    probe.sign = 2;
    await sample();
    assert.deepEqual(rows(), [[1], [1, 2]]);
  });

  it('goes on without a probe whose files are gone, and says so', async () => {
    const [a, b] = [new FakeProbe(), new FakeProbe()];
    b.value = 10;
    const { sample, rows, ended, container } = housekeepingBench({ a, b });
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

  it('keeps the others’ numbers when a probe throws, and leaves that probe’s absent', async () => {
    const [a, b] = [new FakeProbe(), new FakeProbe()];
    const { sample, rows, sources, lines } = housekeepingBench({ a, b }, { idleRefresh: 0 });
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

  it('asks absent sources again when files may have appeared', async () => {
    const probes: Record<string, Probe | 'absent'> = { a: new FakeProbe(), late: 'absent' };
    const { sample, rows, sources, container } = housekeepingBench(probes);
    await sample();
    assert.equal(container.absences.length, 1);
    const late = new FakeProbe();
    late.value = 7;
    Object.assign(sources[1]!.instance, { attach: () => late });
    await sample(2000);
    assert.deepEqual(rows().at(-1), [1, 7]);
    assert.equal(container.absences.length, 0);
  });

  it('keeps times ascending over a small step back of the clock, and starts anew after a large one', async () => {
    const { sample, rows, time, container } = housekeepingBench({ a: new FakeProbe() });
    await sample();
    time.now -= 1_500_000;
    await sample();
    assert.equal(rows().length, 2);
    assert.equal(container.ring.latestTime, 1_001_000_001);
    time.now -= 3_600_000_000;
    await sample();
    assert.equal(rows().length, 1);
  });

  it('that was refused descriptors is not taken for a read: the next one reads everything', (t) => {
    const probe = new FakeProbe();
    let refusals = 0;
    const { container, rows, pass, housekeeper } = samplingBench({ probe }, t, {}, () => refusals);
    pass(3);
    assert.equal(probe.reads, 1);
    const { sample } = probe;
    probe.sample = function (row) {
      refusals++;
      return sample.call(this, row);
    };
    probe.value = 5;
    probe.sign = 2;
    pass(1);
    assert.equal(container.ring.length, 4, 'it is not stored');
    probe.sample = sample;
    pass(1);
    assert.deepEqual(rows().at(-1), [5]);
    housekeeper.stop();
  });

  it('repeats no number for longer than idleRefresh, however often a read is refused in between', (t) => {
    const probe = new FakeProbe();
    let refusals = 0;
    const { container, rows, pass, housekeeper } = samplingBench({ probe }, t, {}, () => refusals);
    const { sample } = probe;
    probe.sample = function (row) {
      refusals++;
      return sample.call(this, row);
    };
    pass(8);
    assert.equal(container.ring.length, 9);
    probe.value = 5;
    pass(10);
    assert.equal(container.ring.length, 10, 'repeated until the tenth second, then refused');
    assert.deepEqual(rows().at(-1), [1]);
    probe.sample = sample;
    pass(1);
    assert.deepEqual(rows().at(-1), [5]);
    housekeeper.stop();
  });
});
