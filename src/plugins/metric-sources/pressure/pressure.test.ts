import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import fc from 'fast-check';
import { absent, attached, FileTree, sampleOf, sourceOf } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import { assertCells, textOf } from '../../../../test/support/texts.js';
import pressurePlugin, { findPressureCells } from './index.js';

const some = (avg: string, total: number) => `some avg10=${avg} avg60=0.10 avg300=0.00 total=${total}\n`;

let tree: FileTree;
beforeEach(() => {
  tree = new FileTree(2);
});
afterEach(() => tree.remove());

const source = () => sourceOf(pressurePlugin, { linux: new TestHost(tree.root) });

it('reads averages and totals of each resource', () => {
  tree.writeCgroup('/a', 'cpu', {
    'cpu.pressure': some('12.39', 7_156_368),
    'io.pressure': some('0.00', 1) + some('99.99', 2).replace('some', 'full'),
  });
  const probe = attached(source(), tree.target('/a'));
  assert.deepEqual(sampleOf(probe), {
    'pressure.cpu.some.avg10': 12.39,
    'pressure.cpu.some.avg60': 0.1,
    'pressure.cpu.some.avg300': 0,
    'pressure.cpu.some.total': 7_156_368,
    'pressure.io.some.avg10': 0,
    'pressure.io.some.avg60': 0.1,
    'pressure.io.some.avg300': 0,
    'pressure.io.some.total': 1,
    'pressure.io.full.avg10': 99.99,
    'pressure.io.full.avg60': 0.1,
    'pressure.io.full.avg300': 0,
    'pressure.io.full.total': 2,
  });
  assert.deepEqual(
    probe.missing?.map(({ what }) => what),
    ['pressure.memory'],
  );
  assert.notEqual(probe.skipWhenIdle, true);
});

it('reads the unified hierarchy on a hybrid v1 host', () => {
  tree.remove();
  tree = new FileTree(1)
    .write({ 'sys/fs/cgroup/unified/a/cpu.pressure': some('1.00', 5) })
    .writeCgroup('/b', 'cpu', { 'cpu.stat': '' });
  assert.equal(sampleOf(attached(source(), tree.target('/a')))?.['pressure.cpu.some.total'], 5);
  assert.equal(absent(source(), tree.target('/b')).expected, true);
});

it('reads /proc/pressure when the root cgroup has no files', () => {
  tree.write({ 'proc/pressure/memory': some('3.00', 9) });
  assert.equal(sampleOf(attached(source(), tree.target('/')))?.['pressure.memory.some.total'], 9);
});

it('names the boot parameter when the kernel has pressure disabled', () => {
  assert.match(absent(source(), tree.target('/')).absent, /psi=1/);
  assert.equal(absent(source(), tree.target('/')).expected, undefined);
  tree.writeCgroup('/a', 'cpu', { 'cpu.stat': '' });
  assert.equal(absent(source(), tree.target('/a')).expected, true);
});

it('never throws, and returns cells in order', () => {
  fc.assert(
    fc.property(textOf('some ', 'full ', 'avg10=', 'total=', '1.5', '12', ' ', '\n', '='), (text) => {
      assertCells(text, findPressureCells(text, 'io'));
    }),
  );
});
