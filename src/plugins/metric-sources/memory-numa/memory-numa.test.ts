import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { absent, attached, FileTree, sampleOf, sourceOf } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import { assertCells, textOf } from '../../../../test/support/texts.js';
import memoryNumaPlugin, { findNumaCellsV1, findNumaCellsV2, pageSizeIn } from './index.js';

const V1 = [
  'total=33 N0=22 N1=11\nfile=0 N0=0 N1=0\nanon=33 N0=22 N1=11\nunevictable=3 N0=1 N1=2\n',
  'hierarchical_total=9 N0=9 N1=0\nhierarchical_file=4 N0=4 N1=0\n',
].join('');

it('reads pages by node on v1, for the container alone and with its descendants', (t) => {
  const tree = new FileTree(1).writeCgroup('/a', 'memory', { 'memory.numa_stat': V1 });
  t.after(() => tree.remove());
  const probe = attached(sourceOf(memoryNumaPlugin, { linux: new TestHost(tree.root) }), tree.target('/a'));
  const { columns } = probe;
  tree.writeCgroup('/a', 'memory', { 'memory.numa_stat': V1.replace('anon=33 N0=22', 'anon=1033 N0=1022') });
  assert.deepEqual(sampleOf(probe), {
    'memory.numa.container.file{0}': 0,
    'memory.numa.container.file{1}': 0,
    'memory.numa.container.anon{0}': 1022,
    'memory.numa.container.anon{1}': 11,
    'memory.numa.container.unevictable{0}': 1,
    'memory.numa.container.unevictable{1}': 2,
    'memory.numa.hierarchical.file{0}': 4,
    'memory.numa.hierarchical.file{1}': 0,
  });
  assert.equal(probe.columns, columns);
});

it('converts bytes to pages on v2', async (t) => {
  const tree = new FileTree(2).writeCgroup('/a', 'memory', {
    'memory.numa_stat': 'anon N0=131072 N1=0\nfile N0=65536 N1=65536\nworkingset_refault_anon N0=0 N1=0\n',
  });
  t.after(() => tree.remove());
  const vector = Buffer.alloc(48);
  for (const [i, word] of [16n, 1n, 6n, 65536n, 0n, 0n].entries()) vector.writeBigUInt64LE(word, i * 8);
  tree.write({ 'proc/self/auxv': vector.toString('latin1') });
  const source = sourceOf(memoryNumaPlugin, { linux: new TestHost(tree.root) });
  await source.start?.();
  assert.deepEqual(sampleOf(attached(source, tree.target('/a'))), {
    'memory.numa.hierarchical.anon{0}': 2,
    'memory.numa.hierarchical.anon{1}': 0,
    'memory.numa.hierarchical.file{0}': 1,
    'memory.numa.hierarchical.file{1}': 1,
  });
  assert.equal(absent(source, tree.target('/b')).expected, true);
});

it('reads the page size, and falls back to 4096', () => {
  assert.equal(pageSizeIn(Buffer.alloc(7)), 4096);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => pageSizeIn(Buffer.from(bytes)) > 0));
});

it('never throws, and returns cells in order', () => {
  fc.assert(
    fc.property(textOf('file', 'hierarchical_', 'anon', '=', ' N0=', ' N1', '12', '\n', ' '), (text) => {
      for (const find of [findNumaCellsV1, findNumaCellsV2]) {
        assertCells(text, find(text));
      }
    }),
  );
});
