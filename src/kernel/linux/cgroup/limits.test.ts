import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { projectRoot } from '../../../../test/project.js';
import { HostTree, type TreeFiles } from '../../../../test/support/tree.js';
import type { MachineInfo, ResourceLimits } from '../../contracts/index.js';
import { DescriptorBudget } from '../files/index.js';
import { createCgroupFiles } from './cgroup-files.js';
import { detectHierarchies } from './hierarchies.js';
import { type LimitOptions, readLimits } from './limits.js';

const machine = { num_cores: 4, memory_capacity: 8_000_000_000, swap_capacity: 0 } as MachineInfo;

function limitsOf(files: TreeFiles, name: string, options: Partial<LimitOptions> = {}): ResourceLimits {
  const tree = new HostTree(files);
  try {
    const cgroup = createCgroupFiles(detectHierarchies(tree.paths), name, new DescriptorBudget(0));
    return readLimits(cgroup, { isRoot: false, machine, ...options });
  } finally {
    tree.remove();
  }
}

function recorded(file: string): { files: TreeFiles; container_name: string } {
  return JSON.parse(readFileSync(join(projectRoot, 'test/golden', file), 'utf8'));
}

it('reads the limits of a recorded v1 container', () => {
  const { files, container_name } = recorded('inputs-docker-limits.json');
  const { createdAt, createdAtExtraNs: _, ...limits } = limitsOf(files, container_name);
  assert.deepEqual(limits, {
    cgroupVersion: 1,
    hasCpu: true,
    cpu: { limit: 512n, mask: '0', quota: 25000n, period: 50000n },
    hasMemory: true,
    memory: { limit: 67108864n, reservation: 33554432n, swapLimit: 134217728n },
    hasProcesses: true,
    processes: { limit: 50n },
  });
  assert.equal(Math.floor(createdAt / 1e6), 1795518322);
});

it('reads a recorded cgroup that exists only in the cpu hierarchy', () => {
  const { files, container_name } = recorded('inputs-raw-gcpuonly.json');
  const { createdAt, createdAtExtraNs: _, ...limits } = limitsOf(files, container_name);
  assert.deepEqual(limits, {
    cgroupVersion: 1,
    hasCpu: true,
    cpu: { limit: 1024n, period: 100000n },
    hasMemory: false,
    memory: {},
    hasProcesses: false,
    processes: {},
  });
  assert.equal(Math.floor(createdAt / 1e6), 1795518324);
});

const V2 = { '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n' };

it('reads the limits of a v2 cgroup', () => {
  const limits = limitsOf(
    {
      ...V2,
      '/sys/fs/cgroup/a/cpu.weight': '79\n',
      '/sys/fs/cgroup/a/cpu.max': '50000 100000\n',
      '/sys/fs/cgroup/a/cpuset.cpus.effective': '1-2\n',
      '/sys/fs/cgroup/a/memory.max': '67108864\n',
      '/sys/fs/cgroup/a/memory.min': '0\n',
      '/sys/fs/cgroup/a/memory.swap.max': 'max\n',
      '/sys/fs/cgroup/a/pids.max': '20\n',
    },
    '/a',
  );
  assert.deepEqual(limits.cpu, { limit: 2046n, quota: 50000n, period: 100000n, mask: '1-2' });
  assert.deepEqual(limits.memory, { limit: 67108864n, reservation: 0n, swapLimit: 'unlimited' });
  assert.deepEqual(limits.processes, { limit: 20n });
});

it('reads an unlimited v2 cgroup, and one without controllers', () => {
  const files = {
    ...V2,
    '/sys/fs/cgroup/a/cpu.weight': '100\n',
    '/sys/fs/cgroup/a/cpu.max': 'max 100000\n',
    '/sys/fs/cgroup/a/cpuset.cpus.effective': '\n',
    '/sys/fs/cgroup/a/memory.max': 'max\n',
    '/sys/fs/cgroup/a/pids.max': 'max\n',
    '/sys/fs/cgroup/b/cgroup.procs': '',
  };
  const limits = limitsOf(files, '/a');
  assert.deepEqual(limits.cpu, { limit: 2597n, period: 100000n, mask: '0-3' });
  assert.deepEqual([limits.memory, limits.processes], [{ limit: 'unlimited' }, { limit: 'unlimited' }]);
  const bare = limitsOf(files, '/b');
  assert.deepEqual([bare.hasCpu, bare.hasMemory, bare.memory], [true, false, {}]);
  assert.deepEqual(bare.cpu, { limit: 0n, mask: '0-3' });
});

it("uses the machine's memory for the root and for a limit of 0", () => {
  const files = { '/sys/fs/cgroup/memory/memory.limit_in_bytes': '0\n', '/sys/fs/cgroup/pids/x': '' };
  const root = limitsOf(files, '/', { isRoot: true, machine: { ...machine, swap_capacity: 512 } });
  assert.deepEqual(root.memory, { limit: 8_000_000_000n, swapLimit: 512n });
  assert.deepEqual([root.hasMemory, root.hasProcesses], [true, false]);
  assert.deepEqual(limitsOf(files, '/').memory, { limit: 8_000_000_000n });
});

it('keeps the creation time to the nanosecond', () => {
  const tree = new HostTree({ '/sys/fs/cgroup/cpu/a/cgroup.clone_children': '' });
  try {
    const directory = join(tree.root, 'sys/fs/cgroup/cpu/a');
    execFileSync('touch', [
      '-d',
      '2026-11-26T18:06:49.316262991Z',
      join(directory, 'cgroup.clone_children'),
      directory,
    ]);
    const cgroup = createCgroupFiles(detectHierarchies(tree.paths), '/a', new DescriptorBudget(0));
    const { createdAt, createdAtExtraNs } = readLimits(cgroup, { isRoot: false, machine });
    assert.deepEqual([createdAt, createdAtExtraNs], [Date.parse('2026-11-26T18:06:49Z') * 1000 + 316_262, 991]);
  } finally {
    tree.remove();
  }
});

it('does not report a creation time before boot', () => {
  const files = { '/sys/fs/cgroup/cpu/a/x': '', 'mtime:/sys/fs/cgroup/cpu/a/cgroup.clone_children': 1000 };
  assert.equal(limitsOf(files, '/a').createdAt, 1000e6);
  assert.equal(limitsOf(files, '/a', { bootTime: 1234.5e6 }).createdAt, 1200e6);
  assert.equal(limitsOf(files, '/none').createdAt, 0);
});
