import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import {
  createCgroupFiles,
  createLinuxHost,
  DescriptorBudget,
  detectHierarchies,
  readLimits,
  resolveHostPaths,
} from '../../src/kernel/linux/index.js';
import { readMachine } from '../../src/kernel/machine/index.js';
import { projectRoot } from '../project.js';
import { wallClock } from '../support/discovery.js';

const root = join(projectRoot, 'test/fixtures/cgroup-v2');
const paths = resolveHostPaths({ root });

interface Units {
  readonly cgroups: Readonly<Record<'tallyman-limited' | 'tallyman-plain' | 'container', string>>;
}

const { cgroups } = JSON.parse(readFileSync(join(root, 'units.json'), 'utf8')) as Units;

async function recordedHost() {
  const host = createLinuxHost({ paths, budget: new DescriptorBudget(0), clock: wallClock, readMachine });
  await host.refresh();
  return host;
}

it('a recorded v2 host has all controllers in the unified hierarchy', () => {
  const { version, mounts, unified, missing } = detectHierarchies(paths);
  assert.deepEqual([version, unified, missing], [2, paths.cgroup, []]);
  assert.deepEqual(mounts, [
    {
      controllers: ['cpu', 'cpuacct', 'cpuset', 'memory', 'blkio', 'pids', 'hugetlb', 'perf_event'],
      path: paths.cgroup,
    },
  ]);
});

it('units of a recorded v2 host have their limits', async () => {
  const machine = (await recordedHost()).machine();
  const hierarchies = detectHierarchies(paths);
  const limitsOf = (name: string) => {
    const files = createCgroupFiles(hierarchies, name, new DescriptorBudget(0));
    const { createdAt, createdAtExtraNs: _, ...limits } = readLimits(files, { isRoot: name === '/', machine });
    assert.ok(createdAt > 0);
    return limits;
  };
  const present = { cgroupVersion: 2, hasCpu: true, hasMemory: true, hasProcesses: true } as const;
  assert.deepEqual(limitsOf(cgroups['tallyman-limited']), {
    ...present,
    cpu: { limit: 1286n, quota: 20_000n, period: 100_000n, mask: '0' },
    memory: { limit: 64n << 20n, reservation: 0n, swapLimit: 16n << 20n },
    processes: { limit: 16n },
  });
  const plain = limitsOf(cgroups['tallyman-plain']);
  // systemd gives the cpu controller to units that ask for it only.
  assert.deepEqual(plain.cpu, { limit: 0n, mask: '0-1' });
  assert.deepEqual(plain.memory, { limit: 'unlimited', reservation: 0n, swapLimit: 'unlimited' });
  assert.deepEqual(limitsOf(cgroups.container).memory, {
    limit: 50_331_648n,
    reservation: 0n,
    swapLimit: 50_331_648n,
  });
  const machineWide = limitsOf('/');
  assert.deepEqual(machineWide.memory, { limit: BigInt(machine.memory_capacity) });
  assert.deepEqual([machineWide.hasMemory, machineWide.hasProcesses], [true, false]);
});

it('statistics of a recorded v2 host are read by key, and processes with descendants', () => {
  const hierarchies = detectHierarchies(paths);
  const files = createCgroupFiles(hierarchies, cgroups['tallyman-limited'], new DescriptorBudget(0));
  const stat = files.keyed('cpu', 'cpu.stat', ['nr_throttled', 'usage_usec']);
  assert.ok(stat);
  assert.ok(stat.read());
  assert.ok(stat.values[0]! > 0 && stat.values[1]! > 0);
  const slice = createCgroupFiles(hierarchies, '/system.slice', new DescriptorBudget(0));
  assert.deepEqual(slice.pids(), []);
  for (const pid of files.pids()) assert.ok(slice.pidsBelow().includes(pid));
});

it('machine, filesystems and processes of a recorded v2 host are read', async () => {
  const host = await recordedHost();
  const machine = host.machine();
  assert.deepEqual([machine.num_cores, machine.topology.length, machine.disk_map['254:0']?.name], [2, 1, 'vda']);
  host.labelFilesystem('docker-images', '/var/lib/docker');
  const labelled = host.filesystems().filter(({ labels }) => labels.length > 0);
  assert.deepEqual(
    labelled.map(({ device, labels }) => [device, labels]),
    [['/dev/vda', ['docker-images', 'root']]],
  );
  assert.equal(host.versions().osVersion, 'Debian GNU/Linux 12 (bookworm)');
  const processes = await host.processes();
  const init = processes.find(({ pid }) => pid === 1);
  assert.deepEqual([init?.cmd, init?.cgroup_path, init?.parent_pid], ['systemd', '/init.scope', 0]);
});
