import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import fc from 'fast-check';
import { absent, attached, FileTree, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import percpuPlugin, { cpusIn, findCpuCells } from './index.js';

let tree: FileTree;
beforeEach(() => {
  tree = new FileTree(1);
});
afterEach(() => tree.remove());

const source = () => sourceOf(percpuPlugin, { linux: new TestHost(tree.root), clock: new TestClock() });

it('has a column for each CPU', () => {
  tree.writeCgroup('/a', 'cpuacct', { 'cpuacct.usage_percpu': '22800422 0 \n' });
  const probe = attached(source(), tree.target('/a'));
  assert.deepEqual(sampleOf(probe), { 'cpu.usage.per_cpu{0}': 22_800_422, 'cpu.usage.per_cpu{1}': 0 });
  assert.equal(probe.columns.length, 2);
});

it('has no column for possible CPUs that are not present', () => {
  tree
    .write({ 'sys/devices/system/cpu/present': '0-1\n' })
    .writeCgroup('/a', 'cpuacct', { 'cpuacct.usage_percpu': '5 6 0 0 0 0 0 0 \n' });
  const probe = attached(source(), tree.target('/a'));
  assert.deepEqual(sampleOf(probe), { 'cpu.usage.per_cpu{0}': 5, 'cpu.usage.per_cpu{1}': 6 });
  tree.writeCgroup('/a', 'cpuacct', { 'cpuacct.usage_percpu': '50 60 0 0 0 0 0 0 \n' });
  assert.deepEqual(sampleOf(probe), { 'cpu.usage.per_cpu{0}': 50, 'cpu.usage.per_cpu{1}': 60 });
});

it('is expected to be absent on v2', () => {
  tree.remove();
  tree = new FileTree(2);
  assert.equal(absent(source(), tree.target('/a')).expected, true);
});

it('parses lists of CPUs', () => {
  assert.equal(cpusIn('0\n'), 1);
  assert.equal(cpusIn('0-3,8-11\n'), 12);
  assert.equal(cpusIn(''), Number.POSITIVE_INFINITY);
});

it('never throws, and returns cells in ascending order', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(4), (text, cpus) => {
      let last = -1;
      for (const { at } of findCpuCells(text, cpus)) {
        assert.ok(at > last);
        assert.match(text[at]!, /\d/);
        last = at;
      }
    }),
  );
});
