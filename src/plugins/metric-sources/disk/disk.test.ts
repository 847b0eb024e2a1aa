import assert from 'node:assert/strict';
import { it } from 'node:test';
import { absent, attached, FileTree, sampleOf } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import type { DiskCounters, TrackedFilesystem } from '../../../kernel/contracts/index.js';
import { createDiskSource } from './index.js';

const filesystem = (device: string, mountpoint: string, minor: number): TrackedFilesystem => ({
  device,
  mountpoint,
  major: minor === 0 ? 0 : 8,
  minor,
  type: 'ext4',
  labels: [],
});
const COUNTERS: DiskCounters = {
  reads_completed: 1,
  reads_merged: 2,
  sectors_read: 3,
  read_time: 4,
  writes_completed: 5,
  writes_merged: 6,
  sectors_written: 7,
  write_time: 8,
  io_in_progress: 9,
  io_time: 10,
  weighted_io_time: 11,
};

function setUp(t: { after(undo: () => void): void }) {
  const tree = new FileTree(1);
  t.after(() => tree.remove());
  const host = new TestHost(tree.root);
  host.tracked = [filesystem('/dev/sda1', '/', 1), filesystem('tmpfs', '/run', 0)];
  host.usage.set('/', { capacity: 1000, free: 300, available: 250, inodes: 50, inodesFree: 40 });
  host.counters.set('8:1', COUNTERS);
  return { tree, host, source: createDiskSource(host, undefined) };
}

it('reads all filesystems of the machine, with counters of those on a disk', (t) => {
  const { tree, host, source } = setUp(t);
  const probe = attached(source, tree.target('/'));
  assert.deepEqual(probe.columns[0]?.attributes, { type: 'vfs', mountpoint: '/' });
  assert.equal(probe.columns.length, 16 + 5);
  const disk = {
    'filesystem.capacity{/dev/sda1}': 1000,
    'filesystem.usage{/dev/sda1}': 700,
    'filesystem.available{/dev/sda1}': 250,
    'filesystem.inodes{/dev/sda1}': 50,
    'filesystem.inodes_free{/dev/sda1}': 40,
    ...Object.fromEntries(Object.entries(COUNTERS).map(([key, value]) => [`filesystem.${key}{/dev/sda1}`, value])),
  };
  assert.deepEqual(sampleOf(probe), disk);
  host.usage.set('/run', { capacity: 10, free: 10, available: 10, inodes: 5, inodesFree: 4 });
  assert.deepEqual(sampleOf(probe), {
    ...disk,
    'filesystem.capacity{tmpfs}': 10,
    'filesystem.usage{tmpfs}': 0,
    'filesystem.available{tmpfs}': 10,
    'filesystem.inodes{tmpfs}': 5,
    'filesystem.inodes_free{tmpfs}': 4,
  });
});

it('changes the layout only when the filesystems change', (t) => {
  const { tree, host, source } = setUp(t);
  const probe = attached(source, tree.target('/'));
  const { columns } = probe;
  host.tracked = [...host.tracked];
  sampleOf(probe);
  assert.equal(probe.columns, columns);
  host.tracked = host.tracked.slice(0, 1);
  sampleOf(probe);
  assert.equal(probe.columns.length, 16);
});

it('is absent for containers without a writable layer', (t) => {
  const { tree, source } = setUp(t);
  assert.equal(absent(source, tree.target('/a')).expected, true);
});
