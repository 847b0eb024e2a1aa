import assert from 'node:assert/strict';
import { it } from 'node:test';
import { absent, attached, FileTree, sampleOf, sourceOf } from '../../../../test/support/probes.js';
import hugetlbPlugin, { pageSizesIn } from './index.js';

it('reads usage, maximum and failures by page size on v1', (t) => {
  const tree = new FileTree(1).writeCgroup('/a', 'hugetlb', {
    'hugetlb.2MB.usage_in_bytes': '4194304\n',
    'hugetlb.2MB.max_usage_in_bytes': '6291456\n',
    'hugetlb.2MB.failcnt': '3\n',
    'hugetlb.2MB.rsvd.usage_in_bytes': '1\n',
    'hugetlb.1GB.usage_in_bytes': '0\n',
  });
  t.after(() => tree.remove());
  assert.deepEqual(sampleOf(attached(sourceOf(hugetlbPlugin), tree.target('/a'))), {
    'hugetlb.usage{1GB}': 0,
    'hugetlb.usage{2MB}': 4_194_304,
    'hugetlb.max_usage{2MB}': 6_291_456,
    'hugetlb.failcnt{2MB}': 3,
  });
  assert.equal(absent(sourceOf(hugetlbPlugin), tree.target('/b')).expected, true);
});

it('reads usage and failures on v2, which has no maximum', (t) => {
  const tree = new FileTree(2).writeCgroup('/a', 'hugetlb', {
    'hugetlb.2MB.current': '2097152\n',
    'hugetlb.2MB.events': 'max 4\n',
    'hugetlb.2MB.rsvd.current': '0\n',
  });
  t.after(() => tree.remove());
  assert.deepEqual(sampleOf(attached(sourceOf(hugetlbPlugin), tree.target('/a'))), {
    'hugetlb.usage{2MB}': 2_097_152,
    'hugetlb.failcnt{2MB}': 4,
  });
});

it('finds page sizes by file name', () => {
  assert.deepEqual(pageSizesIn(['hugetlb.64KB.current', 'hugetlb.2MB.rsvd.current', 'cpu.stat', ''], 2), ['64KB']);
});
