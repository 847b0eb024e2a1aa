// The metric sources on this machine's real cgroups: their numbers are those that the kernel's files say.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ContainerDescription, Controller, ProbeTarget } from '../../src/kernel/contracts/index.js';
import { createCgroupFiles, DescriptorBudget, detectHierarchies } from '../../src/kernel/linux/index.js';
import { until } from '../support/discovery.js';
import { numbersOf } from '../support/kernel-oracle.js';
import { needs } from '../support/needs.js';
import { attached, RAW, sampleOf } from '../support/probes.js';
import { builtinSource, cgroupSample } from '../support/source-bench.js';
import { TestHost } from '../support/test-host.js';

const hierarchies = detectHierarchies({ root: '/', proc: '/proc', sys: '/sys', cgroup: '/sys/fs/cgroup' });
const name = `/tallyman-test-${process.pid}-sources`;
const host = new TestHost('/');
const budget = new DescriptorBudget(256);
const made: string[] = [];

/** Waits to be let go, uses CPU, memory and a disk, then waits for its end. */
const WORKER = `
  const { openSync, writeSync, fsyncSync, closeSync, unlinkSync } = require('node:fs');
  process.stdin.once('data', () => {
    const end = process.cpuUsage().user + 200000;
    while (process.cpuUsage().user < end);
    globalThis.kept = Buffer.alloc(16 << 20, 1);
    const file = process.argv[1];
    const descriptor = openSync(file, 'w');
    writeSync(descriptor, globalThis.kept);
    fsyncSync(descriptor);
    closeSync(descriptor);
    unlinkSync(file);
    console.log('done');
  });
`;

const directories = (path: string) => hierarchies.mounts.map((mount) => mount.path + path);
const unified = hierarchies.unified;

function targetOf(path: string, description: ContainerDescription = RAW): ProbeTarget {
  const cgroup = createCgroupFiles(hierarchies, path, budget);
  return { name: path, isRoot: path === '/', cgroup, description };
}

function textOf(path: string, controller: Controller, file: string): string | undefined {
  const mount = hierarchies.mounts.find(({ controllers }) => controllers.includes(controller));
  try {
    return mount && readFileSync(join(mount.path, path, file), 'latin1');
  } catch {
    return undefined;
  }
}

/** What is read, and what the kernel says both before and after it. */
async function steady<K, T>(kernel: () => K, read: () => T | Promise<T>): Promise<[T, K]> {
  for (let tries = 0; tries < 100; tries++) {
    const earlier = kernel();
    const result = await read();
    if (JSON.stringify(kernel()) === JSON.stringify(earlier)) return [result, earlier];
  }
  return assert.fail('the kernel’s numbers never stood still');
}

/** A new v1 cpuset takes no process before it has CPUs and memory nodes. */
function allowCpus(): void {
  const cpuset = hierarchies.version === 1 && hierarchies.mounts.find((mount) => mount.controllers.includes('cpuset'));
  if (!cpuset) return;
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    writeFileSync(join(cpuset.path, name, file), readFileSync(join(cpuset.path, file)));
  }
}

function remove(): void {
  for (const path of made.splice(0).reverse()) rmdirSync(path);
}

describe('metric sources on real cgroups', { skip: needs('root', 'cgroups', 'mounts') }, () => {
  let worker: ChildProcess;

  before(async () => {
    for (const path of new Set([...directories(name), ...(unified === undefined ? [] : [unified + name])])) {
      mkdirSync(path);
      made.push(path);
    }
    allowCpus();
    const file = join(tmpdir(), name);
    worker = spawn('unshare', ['-n', process.execPath, '-e', WORKER, file], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(worker, 'spawn');
    for (const path of made) writeFileSync(join(path, 'cgroup.procs'), `${worker.pid}`);
    worker.stdin?.write('go\n');
    const [chunk] = await once(worker.stdout!, 'data');
    assert.match(String(chunk), /done/);
  });

  after(async () => {
    if (worker?.exitCode === null && worker.signalCode === null) {
      worker.kill('SIGKILL');
      await once(worker, 'exit');
    }
    remove();
  });

  const description = (): ContainerDescription => ({ ...RAW, networkMode: 'own', pid: worker.pid! });

  it('equal the files of CPU, memory, disk and threads read at the same time', async () => {
    const kernel = () => numbersOf(hierarchies.version, (controller, file) => textOf(name, controller, file));
    const [sample, expected] = await steady(kernel, () => cgroupSample(targetOf(name), host));
    for (const [key, value] of Object.entries(expected)) assert.equal(sample[key], value, key);
    if ('cpu.usage.total' in expected) assert.ok(expected['cpu.usage.total']! >= 200_000_000);
    if ('memory.usage' in expected) assert.ok(expected['memory.usage']! >= 16 << 20);
  });

  it('read the root cgroup', async () => {
    const sample = await cgroupSample(targetOf('/'), host);
    const expected = numbersOf(hierarchies.version, (controller, file) => textOf('/', controller, file));
    assert.ok(Object.keys(expected).length > 0);
    for (const [key, value] of Object.entries(expected)) {
      assert.equal(typeof sample[key], 'number', key);
      // The machine does not stand still; what grew or shrank did so by little.
      assert.ok(Math.abs(Number(sample[key]) - value) <= Math.max(1e9, value / 2), key);
    }
  });

  it('count processes, open files and sockets, and read limits', async () => {
    const directory = `/proc/${worker.pid}/fd`;
    const links = () => readdirSync(directory).map((entry) => readlinkSync(join(directory, entry)));
    const probe = attached(await builtinSource('process', host), targetOf(name, description()));
    const [sample, open] = await steady(links, () => sampleOf(probe));
    probe.close();
    assert.equal(sample?.['processes.process_count'], 1);
    assert.equal(sample?.['processes.fd_count'], open.length);
    assert.equal(sample?.['processes.socket_count'], open.filter((link) => link.startsWith('socket')).length);
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${worker.pid}/limits`, 'utf8')) ?? [];
    assert.equal(sample?.['processes.ulimit.soft{max_open_files}'], Number(soft));
  });

  it('read scheduler times and task states', async () => {
    const schedstat = () => readFileSync(`/proc/${worker.pid}/schedstat`, 'utf8').trim().split(' ').map(Number);
    const sched = attached(await builtinSource('sched', host), targetOf(name));
    const [times, expected] = await steady(schedstat, () => sampleOf(sched));
    assert.deepEqual(Object.values(times ?? {}), expected);
    const load = attached(await builtinSource('cpuLoad', host), targetOf(name));
    await until(
      () => sampleOf(load)?.['tasks.sleeping'] === readdirSync(`/proc/${worker.pid}/task`).length,
      () => `all tasks asleep in ${JSON.stringify(sampleOf(load))}`,
    );
    load.close();
  });

  it('read the network of a namespace without pinning it', async () => {
    const probe = attached(await builtinSource('network', host), targetOf(name, description()));
    assert.deepEqual(sampleOf(probe), {});
    const held = readdirSync('/proc/self/fd').flatMap((entry) => {
      try {
        return readlinkSync(`/proc/self/fd/${entry}`);
      } catch {
        return [];
      }
    });
    assert.deepEqual(
      held.filter((link) => link.includes('/net/')),
      [],
    );
    for (const source of ['tcp', 'udp', 'advtcp']) {
      const counts = sampleOf(attached(await builtinSource(source, host), targetOf(name, description())));
      assert.ok(Object.keys(counts ?? {}).length >= 4, source);
    }
  });

  it('read the machine’s network and sockets', async () => {
    const network = await builtinSource('network', host);
    const dev = () => readFileSync('/proc/1/net/dev', 'utf8');
    const probe = attached(network, targetOf('/'));
    const [sample, text] = await steady(dev, () => sampleOf(probe));
    for (const line of text.split('\n').slice(2, -1)) {
      const [interfaceName, numbers] = line.trim().split(/:\s*/);
      const value = sample?.[`network.rx_bytes{${interfaceName}}`];
      if (value !== undefined) assert.equal(value, Number(numbers?.split(/\s+/)[0]));
    }
    const states = () => {
      const lines = readFileSync('/proc/1/net/tcp', 'latin1').split('\n').slice(1, -1);
      return lines.map((line) => Number.parseInt(line.trim().split(/\s+/)[3]!, 16));
    };
    const tcp = attached(await builtinSource('tcp', host), targetOf('/'));
    const [counts, open] = await steady(states, () => sampleOf(tcp));
    assert.equal(counts?.['tcp.Established'], open.filter((state) => state === 1).length);
    assert.equal(counts?.['tcp.Listen'], open.filter((state) => state === 10).length);
  });

  it('read pressure where the container has it', async (t) => {
    const directory = unified === undefined ? undefined : join(unified, name);
    const text = () => (directory === undefined ? '' : readFileSync(join(directory, 'cpu.pressure'), 'utf8'));
    try {
      text();
    } catch {
      return t.skip('this kernel has no pressure files');
    }
    const probe = attached(await builtinSource('pressure', host), targetOf(name));
    const [sample, said] = await steady(text, () => sampleOf(probe));
    const [, total] = /^some .* total=(\d+)$/m.exec(said) ?? [];
    assert.equal(sample?.['pressure.cpu.some.total'], Number(total));
    probe.close();
  });

  it('end with their cgroup', async () => {
    const sources = ['cpu', 'percpu', 'memory', 'memory_numa', 'diskIO', 'cpuset', 'cpuLoad'];
    const found = await Promise.all(
      sources.map(async (source) => (await builtinSource(source, host)).attach(targetOf(name))),
    );
    const probes = found.flatMap((result) => ('absent' in result ? [] : [result]));
    const network = attached(await builtinSource('network', host), targetOf(name, description()));
    assert.ok(probes.length > 0);
    for (const probe of probes) assert.notEqual(sampleOf(probe), undefined);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    remove();
    for (const probe of [...probes, network]) assert.equal(sampleOf(probe), undefined);
    for (const probe of [...probes, network]) probe.close();
    assert.equal(budget.kept, 0);
  });
});
