import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import fc from 'fast-check';
import { absent, attached, FileTree, sampleOf, sourceOf } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import schedPlugin, { readTimes } from './index.js';

let tree: FileTree;
beforeEach(() => {
  tree = new FileTree(1).write({ 'proc/self/schedstat': '0 0 0\n' });
});
afterEach(() => tree.remove());

const source = () => sourceOf(schedPlugin, { linux: new TestHost(tree.root) });
const times = (pid: number, run: number | bigint, wait = 10, periods = 1) =>
  tree.write({ [`proc/${pid}/schedstat`]: `${run} ${wait} ${periods}\n` });
const procs = (...pids: number[]) =>
  tree.writeCgroup('/a', 'cpu', { 'cgroup.procs': pids.map((pid) => `${pid}\n`).join('') });
const runTime = (run: number | bigint, wait: number, periods: number) => ({
  'cpu.schedstat.run_time': run,
  'cpu.schedstat.runqueue_time': wait,
  'cpu.schedstat.run_periods': periods,
});

it('sums the processes of the container and its descendants', () => {
  procs(1, 2);
  tree.writeCgroup('/a/b', 'cpu', { 'cgroup.procs': '3\n' });
  for (const pid of [1, 2, 3]) times(pid, pid * 100);
  assert.deepEqual(sampleOf(attached(source(), tree.target('/a'))), runTime(600, 30, 3));
});

it('keeps the times of ended processes in the sum', () => {
  procs(1, 2);
  times(1, 100);
  times(2, 200);
  const probe = attached(source(), tree.target('/a'));
  sampleOf(probe);
  rmSync(join(tree.root, 'proc/1'), { recursive: true });
  procs(2);
  assert.deepEqual(sampleOf(probe), runTime(300, 20, 2));
  times(2, 250);
  assert.deepEqual(sampleOf(probe), runTime(350, 20, 2));
});

it('counts both processes when a pid is reused', () => {
  procs(1);
  times(1, 100);
  const probe = attached(source(), tree.target('/a'));
  sampleOf(probe);
  times(1, 5, 1, 1);
  assert.deepEqual(sampleOf(probe), runTime(105, 11, 2));
});

it('reads all processes of /proc for the machine', () => {
  tree.write({ 'proc/uptime': '1 1\n' });
  times(1, 100);
  times(2, 200);
  assert.deepEqual(sampleOf(attached(source(), tree.target('/'))), runTime(300, 20, 2));
});

it('sums above 2^53 exactly', () => {
  procs(1, 2);
  times(1, 9007199254740993n);
  times(2, 9007199254740995n);
  assert.deepEqual(sampleOf(attached(source(), tree.target('/a'))), runTime(18014398509481988n, 20, 2));
});

it('is absent on a kernel without scheduler statistics', () => {
  procs(1);
  rmSync(join(tree.root, 'proc/self/schedstat'));
  assert.equal(absent(source(), tree.target('/a')).expected, true);
  assert.match(absent(source(), tree.target('/')).absent, /CONFIG_SCHED_INFO/);
});

it('the parser returns three numbers or false for any bytes', () => {
  const scanner = new ByteScanner();
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('1', ' ', '-', '\n') })), (text) => {
      scanner.reset(Buffer.from(text), Buffer.byteLength(text));
      const values = new Float64Array(3).fill(Number.NaN);
      if (readTimes(scanner, values, new Int16Array(3))) assert.ok(values.every((value) => !Number.isNaN(value)));
    }),
  );
});
