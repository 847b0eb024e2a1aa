import assert from 'node:assert/strict';
import { it } from 'node:test';
import { absent, attached, FileTree, sampleOf, sourceOf } from '../../../../test/support/probes.js';
import cpusetPlugin from './index.js';

it('reads cpuset.memory_migrate on v1 only', (t) => {
  const tree = new FileTree(1).writeCgroup('/a', 'cpuset', { 'cpuset.memory_migrate': '1\n' });
  t.after(() => tree.remove());
  assert.deepEqual(sampleOf(attached(sourceOf(cpusetPlugin), tree.target('/a'))), { 'cpuset.memory_migrate': 1 });
  assert.equal(absent(sourceOf(cpusetPlugin), tree.target('/b')).expected, true);
  const unified = new FileTree(2);
  t.after(() => unified.remove());
  assert.equal(absent(sourceOf(cpusetPlugin), unified.target('/a')).expected, true);
});
