// Recorded samples, derived anew by the built-in metric sources from the kernel's files as they were at that moment.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ContainerDescription, MetricSource, ProbeTarget } from '../../src/kernel/contracts/index.js';
import { projectRoot } from '../project.js';
import { absent, attached, FileTree, RAW, sampleOf } from '../support/probes.js';
import { builtinSource } from '../support/source-bench.js';
import { TestHost } from '../support/test-host.js';

type Json = number | string | boolean | { readonly [key: string]: Json } | readonly Json[];
type Members = { readonly [key: string]: Json };

interface Recording {
  readonly container_name: string;
  readonly pid: number | null;
  readonly files: Readonly<Record<string, string | readonly string[] | number>>;
  readonly expected: { readonly stats: readonly [Members] };
}

/** Kernel files that the recording left out, for the check that the process belongs to the container. */
const processFiles = (pid: number, name: string) => ({
  [`proc/${pid}/cgroup`]: `4:memory:${name}\n`,
  [`proc/${pid}/stat`]: `${pid} (sleep) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 0 0\n`,
  'proc/self/schedstat': '0 0 0\n',
});

/** A recording laid out as files, and what reads it. */
class Bench {
  readonly recording: Recording;
  readonly tree = new FileTree(1);
  readonly expected: Members;
  readonly target: ProbeTarget;

  constructor(file: string) {
    this.recording = JSON.parse(readFileSync(join(projectRoot, 'test/golden', file), 'utf8'));
    const { container_name: name, expected, files, pid } = this.recording;
    this.expected = expected.stats[0];
    if (pid !== null) this.tree.write(processFiles(pid, name));
    for (const [path, content] of Object.entries(files)) this.lay(path, content);
    const description: ContainerDescription = pid === null ? RAW : { ...RAW, pid, networkMode: 'own' };
    this.target = this.tree.target(name, description);
  }

  source(name: string): Promise<MetricSource> {
    return builtinSource(name, new TestHost(this.tree.root));
  }

  async sample(name: string): Promise<Record<string, number | bigint>> {
    return sampleOf(attached(await this.source(name), this.target)) ?? {};
  }

  private lay(path: string, content: Recording['files'][string]): void {
    if (typeof content === 'string') this.tree.write({ [path]: content });
    if (!path.startsWith('fds:') || !Array.isArray(content)) return;
    const directory = join(this.tree.root, path.slice('fds:'.length));
    mkdirSync(directory, { recursive: true });
    for (const [i, link] of content.entries()) symlinkSync(link, join(directory, String(i)));
  }
}

/** `{ a: { b: 1 } }` under `x` → `{ 'x.a.b': 1 }`. */
function flat(prefix: string, value: Json): Record<string, Json> {
  if (typeof value !== 'object') return { [prefix]: value };
  return Object.assign({}, ...Object.entries(value).map(([key, member]) => flat(`${prefix}.${key}`, member)));
}

/** An object within the recorded sample. */
const pick = (members: Members, ...path: string[]): Members =>
  path.reduce<Members>((object, key) => object[key] as Members, members);

function assertContains(
  sample: Readonly<Record<string, number | bigint>>,
  expected: Readonly<Record<string, Json>>,
): void {
  for (const [name, value] of Object.entries(expected)) assert.equal(sample[name], value, name);
}

describe('sources of a recorded Docker container with limits', () => {
  let bench: Bench;
  before(() => {
    bench = new Bench('inputs-docker-limits.json');
  });
  after(() => bench.tree.remove());

  it('match the recorded cpu, percpu and sched files', async () => {
    const { total, user, system, per_cpu_usage: perCpu } = pick(bench.expected, 'cpu', 'usage');
    const cpu = await bench.sample('cpu');
    assertContains(cpu, flat('cpu.usage', { total, user, system } as Members));
    assertContains(cpu, flat('cpu.cfs', pick(bench.expected, 'cpu', 'cfs')));
    const cpus = Object.entries(perCpu as readonly Json[]).map(([i, value]) => [`cpu.usage.per_cpu{${i}}`, value]);
    assert.deepEqual(await bench.sample('percpu'), Object.fromEntries(cpus));
    assert.deepEqual(await bench.sample('sched'), flat('cpu.schedstat', pick(bench.expected, 'cpu', 'schedstat')));
  });

  it('match the recorded memory files', async () => {
    const { container_data: own, hierarchical_data: below, ...sums } = pick(bench.expected, 'memory');
    const memory = await bench.sample('memory');
    assertContains(memory, flat('memory', sums));
    assertContains(memory, { ...flat('memory.container', own!), ...flat('memory.hierarchical', below!) });
  });

  it('have no disk I/O, as none was done', async () => {
    assert.deepEqual(await bench.sample('diskIO'), {});
    assert.deepEqual(bench.expected.diskio, {});
  });

  it('match the recorded network, tcp, udp and advanced tcp files', async () => {
    const { interfaces, tcp, tcp6, udp, udp6, tcp_advanced: advanced } = pick(bench.expected, 'network');
    const [{ name, ...counters }] = interfaces as unknown as readonly [Members];
    const renamed = Object.entries(flat('network', counters)).map(([key, value]) => [`${key}{${name}}`, value]);
    assert.deepEqual(await bench.sample('network'), Object.fromEntries(renamed));
    assert.deepEqual(await bench.sample('tcp'), { ...flat('tcp', tcp!), ...flat('tcp6', tcp6!) });
    assert.deepEqual(await bench.sample('udp'), { ...flat('udp', udp!), ...flat('udp6', udp6!) });
    const sample = await bench.sample('advtcp');
    for (const [key, value] of Object.entries(flat('tcp_advanced', advanced!)))
      assert.equal(sample[key] ?? 0, value, key);
    assert.equal(sample['tcp_advanced.RtoMax'], 120_000);
  });

  it('match the recorded processes', async () => {
    const { ulimits, ...counts } = pick(bench.expected, 'processes');
    const [{ soft_limit: soft, hard_limit: hard }] = ulimits as unknown as readonly [Members];
    assert.deepEqual(await bench.sample('process'), {
      ...flat('processes', counts),
      'processes.ulimit.soft{max_open_files}': soft,
      'processes.ulimit.hard{max_open_files}': hard,
    });
  });

  it('have a load average of 0 at rest', async () => {
    bench.tree.writeCgroup(bench.target.name, 'cpu', { tasks: '18115\n' });
    const sample = await bench.sample('cpuLoad');
    assert.equal(sample['cpu.load_average'], pick(bench.expected, 'cpu').load_average);
  });
});

describe('sources of a recorded raw cgroup in the cpu hierarchy only', () => {
  let bench: Bench;
  before(() => {
    bench = new Bench('inputs-raw-gcpuonly.json');
  });
  after(() => bench.tree.remove());

  it('have the numbers of that hierarchy', async () => {
    const cpu = await bench.sample('cpu');
    assertContains(cpu, flat('cpu.cfs', pick(bench.expected, 'cpu', 'cfs')));
    assert.equal(cpu['cpu.usage.total'], undefined);
    assert.equal((await bench.sample('process'))['processes.process_count'], 0);
  });

  it('are expected to be absent for other hierarchies', async () => {
    for (const name of [
      'percpu',
      'memory',
      'memory_numa',
      'diskIO',
      'network',
      'hugetlb',
      'cpuset',
      'oom_event',
      'disk',
    ]) {
      assert.equal(absent(await bench.source(name), bench.target).expected, true, name);
    }
  });
});
