import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import { rowOf } from '../../../../test/support/parts.js';
import { absent, attached, FileTree, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import type { Probe } from '../../../kernel/contracts/index.js';
import cpuPlugin from './index.js';

let tree: FileTree;
let clock: TestClock;
beforeEach(() => {
  clock = new TestClock();
  tree = new FileTree(1);
});
afterEach(() => tree.remove());

const on = (version: 1 | 2): FileTree => {
  tree.remove();
  tree = new FileTree(version);
  return tree;
};

it('reads all fields from three files on v1, in nanoseconds', () => {
  tree
    .writeCgroup('/a', 'cpuacct', { 'cpuacct.usage': '9007199254740993\n', 'cpuacct.stat': 'user 12\nsystem 3\n' })
    .writeCgroup('/a', 'cpu', {
      'cpu.stat': 'nr_periods 5\nnr_throttled 2\nthrottled_time 7\nnr_bursts 1\nburst_time 9\n',
    });
  const probe = attached(sourceOf(cpuPlugin, { clock }), tree.target('/a'));
  assert.deepEqual(sampleOf(probe), {
    'cpu.usage.total': 9007199254740993n,
    'cpu.usage.user': 120_000_000,
    'cpu.usage.system': 30_000_000,
    'cpu.cfs.periods': 5,
    'cpu.cfs.throttled_periods': 2,
    'cpu.cfs.throttled_time': 7,
    'cpu.cfs.bursts_periods': 1,
    'cpu.cfs.burst_time': 9,
  });
  assert.deepEqual(probe.missing, []);
  assert.equal(probe.skipWhenIdle, true);
  probe.close();
});

it('reads only the fields of the hierarchies that a container is in on v1', () => {
  tree.writeCgroup('/a', 'cpu', { 'cpu.stat': 'nr_periods 0\nnr_throttled 0\nthrottled_time 0\n' });
  const probe = attached(sourceOf(cpuPlugin, { clock }), tree.target('/a'));
  assert.deepEqual(sampleOf(probe), {
    'cpu.cfs.periods': 0,
    'cpu.cfs.throttled_periods': 0,
    'cpu.cfs.throttled_time': 0,
  });
  assert.equal(probe.activity, undefined);
  assert.deepEqual(
    probe.missing?.map(({ what }) => what),
    ['cpu.cfs.bursts_periods', 'cpu.cfs.burst_time'],
  );
  assert.match(
    probe.missing?.[0]?.reason ?? '',
    /cpu\.stat has no "nr_bursts" \(the kernel has it since Linux 5\.14\)$/,
  );
});

it('repeats the counts of quota periods on v1 while there is no quota', () => {
  const stat = (periods: number) => ({ 'cpu.stat': `nr_periods ${periods}\nnr_throttled 0\nthrottled_time 0\n` });
  const periodsOf = (probe: Probe) => rowOf(probe, [7, 7, 7]).values[0];
  tree.writeCgroup('/a', 'cpu', { ...stat(0), 'cpu.cfs_quota_us': '-1' });
  tree.writeCgroup('/b', 'cpu', { ...stat(0), 'cpu.cfs_quota_us': '50000' });
  const source = sourceOf(cpuPlugin, { clock });
  const [free, limited] = ['/a', '/b'].map((name) => attached(source, tree.target(name))) as [Probe, Probe];
  for (const probe of [free, limited]) sampleOf(probe);
  assert.deepEqual([periodsOf(free), periodsOf(limited)], [7, 0]);
  tree.writeCgroup('/a', 'cpu', stat(5));
  clock.milliseconds += 10_000;
  assert.equal(sampleOf(free)?.['cpu.cfs.periods'], 5);
  assert.equal(periodsOf(free), 5);
});

it('repeats user and system time on v1 until the total has grown by a tick', () => {
  const write = (usage: number, ticks: number) =>
    tree.writeCgroup('/a', 'cpuacct', { 'cpuacct.usage': `${usage}\n`, 'cpuacct.stat': `user ${ticks}\nsystem 0\n` });
  write(50_000_000, 5);
  const probe = attached(sourceOf(cpuPlugin, { clock }), tree.target('/a'));
  const userAfter = (ms: number) => {
    clock.milliseconds += ms;
    return rowOf(probe, [7, 7, 7]).values[1];
  };
  sampleOf(probe);
  write(59_999_999, 6);
  assert.equal(userAfter(1_000), 7, 'that of the sample before');
  write(60_000_000, 6);
  assert.equal(userAfter(1_000), 60_000_000);
  assert.equal(userAfter(1_000), 7);
  write(60_000_001, 7);
  assert.equal(sampleOf(probe)?.['cpu.usage.user'], 70_000_000, 'a sample that may repeat nothing');
});

it('reads all fields from one file on v2, converted from microseconds', () => {
  on(2).writeCgroup('/a', 'cpu', {
    'cpu.stat':
      'usage_usec 10000000000000\nuser_usec 7\nsystem_usec 3\nnr_periods 5\nnr_throttled 2\nthrottled_usec 7\nnr_bursts 1\nburst_usec 9\n',
  });
  assert.deepEqual(sampleOf(attached(sourceOf(cpuPlugin, { clock }), tree.target('/a'))), {
    'cpu.usage.total': 10_000_000_000_000_000n,
    'cpu.usage.user': 7000,
    'cpu.usage.system': 3000,
    'cpu.cfs.periods': 5,
    'cpu.cfs.throttled_periods': 2,
    'cpu.cfs.throttled_time': 7000,
    'cpu.cfs.bursts_periods': 1,
    'cpu.cfs.burst_time': 9000,
  });
});

it('reads the usage without the cpu controller on v2, and reports nothing as missing', () => {
  on(2).writeCgroup('/a', 'cpu', { 'cpu.stat': 'usage_usec 10\nuser_usec 7\nsystem_usec 3\n' });
  const probe = attached(sourceOf(cpuPlugin, { clock }), tree.target('/a'));
  assert.deepEqual(sampleOf(probe), { 'cpu.usage.total': 10_000, 'cpu.usage.user': 7000, 'cpu.usage.system': 3000 });
  assert.deepEqual(probe.missing, []);
});

it('treats quota periods as activity on v2', () => {
  const stat = (periods: number) => `usage_usec 10\nuser_usec 7\nsystem_usec 3\nnr_periods ${periods}\n`;
  on(2).writeCgroup('/a', 'cpu', { 'cpu.stat': stat(5) });
  const probe = attached(sourceOf(cpuPlugin, { clock }), tree.target('/a'));
  const before = probe.activity?.();
  assert.equal(probe.activity?.(), before);
  tree.writeCgroup('/a', 'cpu', { 'cpu.stat': stat(6) });
  assert.notEqual(probe.activity?.(), before);
});

it('reuses the value just read for `activity`, and reads again later', () => {
  tree.writeCgroup('/a', 'cpuacct', { 'cpuacct.usage': '100\n' });
  const probe = attached(sourceOf(cpuPlugin, { clock }), tree.target('/a'));
  assert.equal(probe.activity?.(), 100);
  tree.writeCgroup('/a', 'cpuacct', { 'cpuacct.usage': '200\n' });
  assert.deepEqual(sampleOf(probe), { 'cpu.usage.total': 100 });
  assert.deepEqual(sampleOf(probe), { 'cpu.usage.total': 200 });
  assert.equal(probe.activity?.(), 200);
  tree.writeCgroup('/a', 'cpuacct', { 'cpuacct.usage': '300\n' });
  clock.milliseconds += 1000;
  assert.deepEqual(sampleOf(probe), { 'cpu.usage.total': 300 });
});

it('is expected to be absent for a container without files, and not for the machine', () => {
  assert.equal(absent(sourceOf(cpuPlugin, { clock }), tree.target('/a')).expected, true);
  assert.equal(absent(sourceOf(cpuPlugin, { clock }), tree.target('/')).expected, undefined);
});

it('leaves only the columns of a malformed file absent', () => {
  tree.writeCgroup('/a', 'cpuacct', { 'cpuacct.usage': 'odd\n', 'cpuacct.stat': 'user 1\nsystem x\n' });
  const probe = attached(sourceOf(cpuPlugin, { clock }), tree.target('/a'));
  assert.deepEqual(sampleOf(probe), { 'cpu.usage.user': 10_000_000 });
  assert.ok(Number.isNaN(probe.activity?.()));
});
