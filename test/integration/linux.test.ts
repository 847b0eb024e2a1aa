import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { MachineInfo } from '../../src/kernel/contracts/index.js';
import {
  createCgroupFiles,
  createLinuxHost,
  DescriptorBudget,
  detectHierarchies,
  readLimits,
  resolveHostPaths,
} from '../../src/kernel/linux/index.js';
import { readMachine } from '../../src/kernel/machine/index.js';
import { wallClock } from '../support/discovery.js';
import { needs } from '../support/needs.js';

const paths = resolveHostPaths();
const hierarchies = detectHierarchies(paths);
const made: string[] = [];

function makeCgroup(name: string, mounts = hierarchies.mounts): void {
  for (const mount of mounts) {
    const directory = join(mount.path, name);
    mkdirSync(directory);
    made.push(directory);
  }
}

function removeCgroups(): void {
  for (const directory of made.splice(0).reverse()) rmdirSync(directory);
}

describe("this machine's cgroups", { skip: needs('cgroups', 'ps') }, () => {
  after(removeCgroups);

  it('are read in all hierarchies until they are removed', () => {
    const name = `/tallyman-test-${process.pid}-all`;
    makeCgroup(name);
    const budget = DescriptorBudget.fromLimits(readFileSync('/proc/self/limits', 'utf8'));
    const files = createCgroupFiles(hierarchies, name, budget);
    const v1 = files.version === 1;
    const usage = files.value('memory', v1 ? 'memory.usage_in_bytes' : 'memory.current');
    const stat = files.keyed('memory', 'memory.stat', ['pgfault', 'no_such_key', v1 ? 'total_rss' : 'anon']);
    assert.ok(usage !== undefined && stat !== undefined);
    assert.ok(usage.read() && stat.read());
    assert.deepEqual([...stat.values], [0, Number.NaN, 0]);
    assert.equal(files.file('memory', 'no.such.file'), undefined);
    assert.deepEqual(files.pidsBelow(), []);
    const limits = readLimits(files, { isRoot: false, machine: { num_cores: 2, memory_capacity: 1 } as MachineInfo });
    assert.ok(limits.hasCpu && limits.hasMemory && limits.hasProcesses);
    assert.ok(Math.abs(limits.createdAt / 1000 - Date.now()) < 60_000);
    removeCgroups();
    assert.deepEqual([usage.read(), usage.failure], [false, 'ENODEV']);
    assert.deepEqual([stat.read(), stat.failure], [false, 'ENODEV']);
    assert.deepEqual([budget.kept, budget.reopened], [0, 0]);
    assert.equal(files.directory('memory'), undefined);
  });

  it('are read in a single hierarchy', { skip: hierarchies.version === 2 && 'one hierarchy is all' }, () => {
    const name = `/tallyman-test-${process.pid}-one`;
    makeCgroup(
      name,
      hierarchies.mounts.filter(({ controllers }) => controllers.includes('memory')),
    );
    const files = createCgroupFiles(hierarchies, name, new DescriptorBudget(0));
    assert.ok(files.value('memory', 'memory.usage_in_bytes')?.read());
    assert.equal(files.file('cpu', 'cpu.shares'), undefined);
    const limits = readLimits(files, { isRoot: false, machine: { num_cores: 2, memory_capacity: 1 } as MachineInfo });
    assert.deepEqual([limits.hasCpu, limits.hasMemory, limits.hasProcesses], [false, true, false]);
    removeCgroups();
  });

  it('have the processes that ps lists, with those of descendants', async () => {
    const name = `/tallyman-test-${process.pid}-procs`;
    makeCgroup(name);
    makeCgroup(`${name}/below`);
    const child = spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] });
    try {
      // Once it has answered it only waits, and its numbers stand still.
      child.stdin.write('ready');
      await once(child.stdout, 'data');
      for (const { controllers, path } of hierarchies.mounts) {
        // A v1 cpuset takes no process before it has CPUs.
        if (controllers.includes('cpuset') && hierarchies.version === 1) continue;
        writeFileSync(join(path, name, 'below/cgroup.procs'), `${child.pid}`);
      }
      const files = createCgroupFiles(hierarchies, name, new DescriptorBudget(0));
      assert.deepEqual([files.pids(), files.pidsBelow()], [[], [child.pid]]);
      const host = createLinuxHost({ paths, budget: new DescriptorBudget(0), clock: wallClock, readMachine });
      await host.refresh();
      const list = async () => (await host.processes()).find(({ pid }) => pid === child.pid);
      let listed = await list();
      while (listed?.status === 'R') listed = await list();
      const ps = execFileSync('ps', ['-o', 'user:32,pid,ppid,stime,rss,vsz,stat,comm', '-p', `${child.pid}`], {
        encoding: 'utf8',
      });
      const columns = ps.split('\n')[1]!.trim().split(/\s+/);
      assert.ok(listed);
      assert.equal(listed.cgroup_path, `${name}/below`);
      assert.deepEqual(columns, [
        listed.user,
        String(listed.pid),
        String(listed.parent_pid),
        listed.start_time,
        String(listed.rss / 1024),
        String(listed.virtual_size / 1024),
        listed.status,
        listed.cmd,
      ]);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
      removeCgroups();
    }
  });
});

describe('this machine', () => {
  it('has filesystems, disks and versions', async () => {
    const host = createLinuxHost({ paths, budget: new DescriptorBudget(0), clock: wallClock, readMachine });
    assert.equal(host.machine().num_cores, 0);
    await host.refresh();
    assert.ok(host.machine().num_cores > 0);
    assert.equal(host.machine().filesystems.length, host.filesystems().length);
    const root = host.filesystems().find(({ labels }) => labels.includes('root'));
    if (root === undefined) return;
    const usage = host.filesystemUsage(root.mountpoint);
    assert.ok(usage !== undefined && usage.capacity >= usage.free && usage.free >= usage.available);
    host.labelFilesystem('docker-images', '/');
    assert.deepEqual(host.filesystems().find(({ device }) => device === root.device)?.labels, [
      'docker-images',
      'root',
    ]);
    const [numbers] = Object.keys(host.machine().disk_map);
    if (numbers !== undefined) {
      const [major, minor] = numbers.split(':').map(Number);
      assert.equal(host.deviceName(major!, minor!), `/dev/${host.machine().disk_map[numbers]!.name}`);
    }
    assert.equal(host.deviceName(4095, 4095), '');
  });

  it('reads each file of /proc once', () => {
    const host = createLinuxHost({ paths, budget: new DescriptorBudget(0), clock: wallClock, readMachine });
    const length = host.readProc('self/net/dev');
    assert.match(host.buffer.toString('latin1', 0, length), /^Inter-\|/);
    assert.equal(host.readProc('no/such/file'), -1);
    assert.match(host.procText('self/status')!, /^Name:/);
    assert.equal(host.procText('no/such/file'), undefined);
  });
});
