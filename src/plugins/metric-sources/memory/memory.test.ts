import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import fc from 'fast-check';
import { rowOf } from '../../../../test/support/parts.js';
import { absent, attached, FileTree, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import { textOf } from '../../../../test/support/texts.js';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import type { Probe } from '../../../kernel/contracts/index.js';
import memoryPlugin, { swapInUse } from './index.js';

let tree: FileTree;
beforeEach(() => {
  tree = new FileTree(1);
});
afterEach(() => tree.remove());

const source = (kernelMemory = false) =>
  sourceOf(memoryPlugin, { clock: new TestClock(), linux: new TestHost(tree.root) }, { kernelMemory });

const STAT_V1 = [
  'cache 1\nrss 2\nmapped_file 3\nswap 4\npgfault 5\npgmajfault 6\n',
  'total_cache 10\ntotal_rss 20\ntotal_mapped_file 30\ntotal_swap 40\ntotal_pgfault 50\ntotal_pgmajfault 60\n',
  'total_inactive_file 70\ntotal_active_file 80\ntotal_dirty 90\ntotal_writeback 100\n',
  'total_workingset_refault_anon 110\ntotal_workingset_refault_file 120\n',
].join('');

const EXPECTED_V1 = {
  'memory.usage': 1000,
  'memory.working_set': 930,
  'memory.cache': 10,
  'memory.rss': 20,
  'memory.swap': 40,
  'memory.mapped_file': 30,
  'memory.container.pgfault': 5,
  'memory.container.pgmajfault': 6,
  'memory.hierarchical.pgfault': 50,
  'memory.hierarchical.pgmajfault': 60,
  'memory.total_active_file': 80,
  'memory.total_inactive_file': 70,
  'memory.file_dirty': 90,
  'memory.file_writeback': 100,
  'memory.workingset_refault_file': 120,
  'memory.workingset_refault_anon': 110,
  'memory.max_usage': 2000,
  'memory.failcnt': 3,
};

const writeV1 = (hierarchical: string) =>
  tree.writeCgroup('/a', 'memory', {
    'memory.usage_in_bytes': '1000\n',
    'memory.max_usage_in_bytes': '2000\n',
    'memory.failcnt': '3\n',
    'memory.kmem.usage_in_bytes': '400\n',
    'memory.use_hierarchy': `${hierarchical}\n`,
    'memory.stat': STAT_V1,
  });

it('uses the total_ lines on v1', () => {
  writeV1('1');
  const probe = attached(source(), tree.target('/a'));
  assert.deepEqual(sampleOf(probe), EXPECTED_V1);
  assert.deepEqual(probe.missing, []);
  assert.equal(probe.activity?.(), 1000);
});

it('uses the cgroup’s own lines on v1 without use_hierarchy', () => {
  writeV1('0');
  const own = { 'memory.cache': 1, 'memory.rss': 2, 'memory.swap': 4, 'memory.mapped_file': 3 };
  assert.deepEqual(sampleOf(attached(source(), tree.target('/a'))), { ...EXPECTED_V1, ...own });
});

it('reads kernel memory on v1 unless the option is off', () => {
  writeV1('1');
  assert.deepEqual(sampleOf(attached(source(true), tree.target('/a'))), { ...EXPECTED_V1, 'memory.kernel': 400 });
});

it('the working set is never negative, and equals the usage when inactive_file is unknown', () => {
  tree.writeCgroup('/a', 'memory', { 'memory.usage_in_bytes': '50\n', 'memory.stat': 'total_inactive_file 70\n' });
  assert.equal(sampleOf(attached(source(), tree.target('/a')))?.['memory.working_set'], 0);
  tree.writeCgroup('/b', 'memory', { 'memory.usage_in_bytes': '50\n', 'memory.stat': 'total_cache 1\n' });
  const probe = attached(source(), tree.target('/b'));
  assert.equal(sampleOf(probe)?.['memory.working_set'], 50);
  assert.ok(probe.missing?.some(({ what }) => what === 'memory.total_inactive_file'));
});

it('repeats the failures of v1 while there is no limit', () => {
  writeV1('1');
  const column = (probe: Probe) => probe.columns.findIndex(({ field }) => field.name === 'memory.failcnt');
  for (const [limit, repeated] of [
    ['9223372036854771712', true],
    ['104857600', false],
  ] as const) {
    tree.writeCgroup('/a', 'memory', { 'memory.failcnt': '0', 'memory.limit_in_bytes': limit });
    const probe = attached(source(), tree.target('/a'));
    sampleOf(probe);
    const failures = () => rowOf(probe, Array<number>(probe.columns.length).fill(7)).values[column(probe)];
    assert.equal(failures(), repeated ? 7 : 0, limit);
    tree.writeCgroup('/a', 'memory', { 'memory.failcnt': '3' });
    sampleOf(probe);
    assert.equal(failures(), 3, limit);
  }
});

const STAT_V2 =
  'anon 20\nfile 10\nkernel 5\nfile_mapped 30\nfile_dirty 90\nfile_writeback 100\ninactive_file 70\nactive_file 80\n' +
  'pgscan 1\npgsteal 2\npgfault 50\npgmajfault 60\nworkingset_refault_anon 110\nworkingset_refault_file 120\n';

it('reads all fields on v2', () => {
  tree.remove();
  tree = new FileTree(2).writeCgroup('/a', 'memory', {
    'memory.current': '1000\n',
    'memory.peak': '2000\n',
    'memory.swap.current': '40\n',
    'memory.stat': STAT_V2,
    'memory.events': 'low 0\nhigh 7\nmax 8\noom 0\noom_kill 0\n',
  });
  assert.deepEqual(sampleOf(attached(source(), tree.target('/a'))), {
    ...EXPECTED_V1,
    'memory.failcnt': 8,
    'memory.container.pgfault': 50,
    'memory.container.pgmajfault': 60,
    'memory.kernel': 5,
    'memory.pgscan': 1,
    'memory.pgsteal': 2,
    'memory.events.high': 7,
    'memory.events.max': 8,
  });
});

it('omits only the columns of files that an older kernel lacks on v2', () => {
  tree.remove();
  tree = new FileTree(2).writeCgroup('/a', 'memory', { 'memory.current': '1000\n', 'memory.stat': STAT_V2 });
  const sample = sampleOf(attached(source(), tree.target('/a')));
  assert.equal(sample?.['memory.working_set'], 930);
  assert.equal(sample?.['memory.max_usage'], undefined);
  assert.equal(sample?.['memory.swap'], undefined);
});

it('computes the usage and reads the machine’s swap at the v2 root', () => {
  tree.remove();
  tree = new FileTree(2)
    .writeCgroup('/', 'memory', { 'memory.stat': STAT_V2.replace('inactive_file 70', 'inactive_file 7') })
    .write({ 'proc/meminfo': 'MemTotal:  100 kB\nSwapCached: 1 kB\nSwapTotal:  50 kB\nSwapFree:   20 kB\n' });
  const sample = sampleOf(attached(source(), tree.target('/')));
  assert.equal(sample?.['memory.usage'], 30);
  assert.equal(sample?.['memory.working_set'], 23);
  assert.equal(sample?.['memory.swap'], 30 * 1024);
});

it('never throws on memory.events, and omits missing keys', () => {
  tree.remove();
  const lines = textOf(
    'low ',
    'high ',
    'max ',
    'oom',
    '_kill',
    '7',
    '18446744073709551615',
    '99999999999999999999999',
    '\n',
    ' ',
    '-1',
  );
  fc.assert(
    fc.property(lines, (text) => {
      tree = new FileTree(2).writeCgroup('/a', 'memory', {
        'memory.current': '1000\n',
        'memory.stat': STAT_V2,
        'memory.events': text,
      });
      const sample = sampleOf(attached(source(), tree.target('/a')))!;
      for (const name of ['memory.events.high', 'memory.events.max', 'memory.failcnt']) {
        const value = sample[name];
        const isWhole = typeof value === 'bigint' || Number.isInteger(value);
        assert.ok(value === undefined || (isWhole && value >= 0), `${name}: ${value}`);
      }
      assert.equal(sample['memory.usage'], 1000);
      tree.remove();
    }),
    { numRuns: 50 },
  );
  tree = new FileTree(2);
});

it('is expected to be absent without memory accounting for a container, and not for the machine', () => {
  assert.equal(absent(source(), tree.target('/a')).expected, true);
  assert.match(absent(source(), tree.target('/')).absent, /cgroup_enable=memory/);
});

it('swapInUse returns a number or NaN for any bytes', () => {
  const scanner = new ByteScanner();
  fc.assert(
    fc.property(textOf('SwapTotal:', 'SwapFree:', ' ', '1', 'kB', '\n', 'Swap'), (text) => {
      scanner.reset(Buffer.from(text), Buffer.byteLength(text));
      assert.equal(typeof swapInUse(scanner), 'number');
    }),
  );
});
