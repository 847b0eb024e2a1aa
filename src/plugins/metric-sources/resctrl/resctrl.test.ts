import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { absent, attached, FileTree, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import { textOf } from '../../../../test/support/texts.js';
import resctrlPlugin from './index.js';

const GROUP = 'sys/fs/resctrl/mon_groups/tallyman-a-b';
const counters = (at: string, cache: string, [occupancy, total, local]: readonly string[]) => ({
  [`${at}/mon_data/mon_L3_${cache}/llc_occupancy`]: `${occupancy}\n`,
  [`${at}/mon_data/mon_L3_${cache}/mbm_total_bytes`]: `${total}\n`,
  [`${at}/mon_data/mon_L3_${cache}/mbm_local_bytes`]: `${local}\n`,
});

describe('resctrl', () => {
  let tree: FileTree;
  let clock: TestClock;
  beforeEach(() => {
    clock = new TestClock();
    tree = new FileTree(2).writeCgroup('/a/b', 'cpu', { 'cgroup.procs': '7\n', 'cpu.stat': '' }).write({
      'proc/7/task/7/': '',
      'proc/7/task/9/': '',
      'sys/fs/resctrl/mon_groups/': '',
      ...counters('sys/fs/resctrl', '00', ['1', '2', '3']),
      ...counters('sys/fs/resctrl', '01', ['4', '18446744073709551615', 'Unavailable']),
      // What the kernel makes of itself with the directory.
      ...counters(GROUP, '00', ['10', '20', '30']),
      [`${GROUP}/tasks`]: '',
    });
  });
  afterEach(() => tree.remove());

  const source = (updateInterval = 0) => sourceOf(resctrlPlugin, { clock, linux: tree.linux }, { updateInterval });

  it('reads the machine’s counters of every cache, and skips unavailable ones', () => {
    assert.deepEqual(sampleOf(attached(source(), tree.target('/'))), {
      'resctrl.llc_occupancy{0}': 1,
      'resctrl.llc_occupancy{1}': 4,
      'resctrl.memory_bandwidth.total{0}': 2,
      'resctrl.memory_bandwidth.total{1}': 18446744073709551615n,
      'resctrl.memory_bandwidth.local{0}': 3,
    });
  });

  it('moves every thread of a container into its own monitoring group', () => {
    const probe = attached(source(), tree.target('/a/b'));
    assert.deepEqual(sampleOf(probe), {
      'resctrl.llc_occupancy{0}': 10,
      'resctrl.memory_bandwidth.total{0}': 20,
      'resctrl.memory_bandwidth.local{0}': 30,
    });
    // A plain file keeps the last of the two.
    assert.equal(readFileSync(join(tree.root, GROUP, 'tasks'), 'utf8'), '9');
  });

  it('moves new processes at updateInterval', async () => {
    const tasks = join(tree.root, GROUP, 'tasks');
    const probe = attached(source(1000), tree.target('/a/b'));
    writeFileSync(tasks, '');
    sampleOf(probe);
    assert.equal(readFileSync(tasks, 'utf8'), '');
    await clock.advance(1000);
    sampleOf(probe);
    assert.equal(readFileSync(tasks, 'utf8'), '9');
  });

  it('removes the group with the container', () => {
    const directory = join(tree.root, 'sys/fs/resctrl/mon_groups/tallyman-c');
    tree.writeCgroup('/c', 'cpu', { 'cgroup.procs': '7\n' });
    const { absent: reason } = absent(source(), tree.target('/c'));
    assert.match(reason, /no number of .*tallyman-c can be read/);
    assert.equal(existsSync(directory), false);
  });

  it('gives a reason without resctrl, processes or a free group', () => {
    tree.writeCgroup('/empty', 'cpu', { 'cgroup.procs': '' });
    assert.deepEqual(absent(source(), tree.target('/empty')), { absent: 'it has no processes', expected: true });
    const bare = new FileTree(2);
    try {
      const linux = bare.linux;
      const without = sourceOf(resctrlPlugin, { clock, linux }, { updateInterval: 0 });
      assert.match(absent(without, bare.target('/')).absent, /mount -t resctrl/);
      assert.equal(absent(without, bare.target('/a')).expected, true);
      mkdirSync(join(bare.root, 'sys/fs/resctrl/mon_data/mon_L3_00'), { recursive: true });
      bare.writeCgroup('/a', 'cpu', { 'cgroup.procs': '7\n' });
      assert.match(absent(without, bare.target('/a')).absent, /no monitoring group can be made: ENOENT/);
    } finally {
      bare.remove();
    }
  });

  it('accepts any text of a counter', () => {
    const file = join(tree.root, 'sys/fs/resctrl/mon_data/mon_L3_00/llc_occupancy');
    const probe = attached(source(), tree.target('/'));
    const texts = textOf('12', '99999999999999999999999', 'Unavailable', 'Error', '\n', ' ', '-', '0x1');
    fc.assert(
      fc.property(texts, (text) => {
        writeFileSync(file, text);
        const value = sampleOf(probe)!['resctrl.llc_occupancy{0}'];
        assert.ok(value === undefined || value >= 0, `${value}`);
      }),
      { numRuns: 50 },
    );
    probe.close();
  });
});
