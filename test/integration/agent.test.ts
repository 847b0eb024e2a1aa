import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { AgentProcess } from '../support/agent-process.js';
import { needs } from '../support/needs.js';
import { CONTROLLERS, RealCgroup } from '../support/real-cgroup.js';

const BASE = `/tallyman-agent-${process.pid}`;
const CONFIG = `
housekeeping: { interval: 200ms, maxInterval: 200ms }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: ['/', '/tallyman-agent-*', '/tallyman-agent-*/**'] } }
`;

interface Sample {
  timestamp: string;
  cpu: { usage: { total: number; user: number; system: number; per_cpu_usage: number[] } };
  cpu_inst?: { usage: { total: number } };
  memory: { usage: number; rss: number; cache: number; max_usage: number; failcnt: number };
  diskio: { io_service_bytes?: { device: string; stats: Record<string, number> }[] };
}
type Stats = Record<string, Sample[]>;
type Specs = Record<
  string,
  {
    has_cpu: boolean;
    has_memory: boolean;
    cpu: Record<string, unknown>;
    memory: Record<string, number>;
    creation_time: string;
  }
>;

/** `major:minor` of the device that holds a directory. */
function deviceOf(directory: string): string {
  const { dev } = statSync(directory);
  return `${(dev >> 8) & 0xfff}:${dev & 0xff}`;
}

/** The numbers of a sample that `kernelNumbers` reads from the kernel's files. */
function numbersOf(sample: Sample | undefined) {
  if (sample === undefined) return undefined;
  const { usage: cpu } = sample.cpu;
  const { usage, max_usage, rss, cache } = sample.memory;
  return {
    total: cpu.total,
    perCpu: cpu.per_cpu_usage,
    user: cpu.user,
    system: cpu.system,
    usage,
    max_usage,
    rss,
    cache,
  };
}

function kernelNumbers(cgroup: RealCgroup) {
  const number = (controller: string, file: string) => Number(cgroup.read(controller, file));
  const [user, system] = [...cgroup.read('cpuacct', 'cpuacct.stat').matchAll(/\d+/g)].map(Number);
  const stat = cgroup.read('memory', 'memory.stat');
  return {
    total: number('cpuacct', 'cpuacct.usage'),
    perCpu: cgroup.read('cpuacct', 'cpuacct.usage_percpu').split(' ').map(Number),
    user: user! * 1e7,
    system: system! * 1e7,
    usage: number('memory', 'memory.usage_in_bytes'),
    max_usage: number('memory', 'memory.max_usage_in_bytes'),
    rss: Number(/^total_rss (\d+)/m.exec(stat)![1]),
    cache: Number(/^total_cache (\d+)/m.exec(stat)![1]),
  };
}

let agent: AgentProcess;
const cgroups: RealCgroup[] = [];

function cgroup(suffix: string, controllers?: readonly string[]): RealCgroup {
  const made = new RealCgroup(`${BASE}${suffix}`).create(controllers);
  cgroups.push(made);
  return made;
}

const stats = (name: string, query = 'count=1') => `/api/v2.0/stats${name}?${query}`;
const newest = (answer: Stats, name: string) => answer[name]?.at(-1);

describe('the API on real cgroups', { skip: needs('cgroup v1', 'cgroups') }, () => {
  before(async () => {
    agent = await AgentProcess.start(CONFIG);
  });
  after(async () => {
    await agent?.stop();
    for (const made of cgroups.reverse()) await made.remove();
  });

  it('returns the kernel’s CPU time and memory', async () => {
    const busy = cgroup('-busy');
    const script = await busy.run('i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; read x');
    const before = kernelNumbers(busy).total;
    await script.said('done');
    // The loop is over: soon the shell only waits, and its counters stand still.
    await agent.until<Stats>(
      stats(busy.name),
      (now) => isDeepStrictEqual(numbersOf(newest(now, busy.name)), kernelNumbers(busy)),
      `the numbers of the kernel: ${JSON.stringify(kernelNumbers(busy))}`,
    );
    assert.ok(kernelNumbers(busy).total > before);
  });

  it('returns limits that are set while it runs', async () => {
    const limited = cgroup('-limited');
    limited.write('memory', 'memory.limit_in_bytes', String(64 * 1024 * 1024));
    limited.write('cpu', 'cpu.cfs_quota_us', '25000');
    limited.write('cpu', 'cpu.shares', '512');
    limited.write('cpuset', 'cpuset.cpus', '0');
    const specs = await agent.until<Specs>(
      `/api/v2.0/spec${limited.name}`,
      (answer) => answer[limited.name]?.memory.limit === 67108864 && answer[limited.name]?.cpu.mask === '0',
      'the limits',
    );
    const spec = specs[limited.name]!;
    assert.deepEqual(spec.cpu, { limit: 512, max_limit: 0, mask: '0', quota: 25000, period: 100000 });
    assert.ok(Math.abs(Date.parse(spec.creation_time) - Date.now()) < 120_000);
    const raw = await (await fetch(`${agent.url}/api/v2.0/spec${limited.name}`)).text();
    assert.match(raw, /"reservation":9223372036854771712/);
  });

  it('counts bytes written to disk by device', async () => {
    const writer = cgroup('-writer');
    const directory = mkdtempSync(join(tmpdir(), 'tallyman-write-'));
    const file = join(directory, 'data');
    // Newer kernels count a device's I/O per cgroup only once a limit is set for the device; this one limits nothing.
    writer.write('blkio', 'blkio.throttle.write_bps_device', `${deviceOf(directory)} 100000000000`);
    const script = await writer.run(
      `dd if=/dev/zero of=${file} bs=64k count=16 oflag=direct 2>/dev/null; echo done; read x`,
    );
    await script.said('done');
    rmSync(directory, { recursive: true });
    const written = (sample: Sample | undefined) =>
      sample?.diskio.io_service_bytes?.find(({ device }) => device !== '');
    const answer = await agent.until<Stats>(
      stats(writer.name),
      (now) => (written(newest(now, writer.name))?.stats.Write ?? 0) >= 16 * 65536,
      'the bytes written',
    );
    const [line] = writer.read('blkio', 'blkio.throttle.io_service_bytes_recursive').match(/^\d+:\d+ Write \d+/m)!;
    assert.equal(written(newest(answer, writer.name))!.stats.Write, Number(line!.split(' ')[2]));
  });

  for (const controller of CONTROLLERS) {
    it(`lists a cgroup of the ${controller} hierarchy only, until it is removed`, async () => {
      const only = cgroup(`-only-${controller}`, [controller]);
      const answer = await agent.until<Stats>(stats(only.name), (now) => (now[only.name]?.length ?? 0) > 0, 'a sample');
      assert.equal(newest(answer, only.name)!.cpu.usage.total, 0);
      const specs = await agent.json<Specs>(`/api/v2.0/spec${only.name}`);
      assert.equal(specs[only.name]!.has_memory, controller === 'memory');
      assert.equal(specs[only.name]!.has_cpu, controller === 'cpu' || controller === 'cpuset');
      await only.remove();
      await agent.until<Stats>('/api/v2.0/stats/?recursive=true&count=0', (now) => !(only.name in now), 'its end');
      assert.equal((await fetch(`${agent.url}${stats(only.name)}`)).status, 404);
    });
  }

  it('returns all numbers of a cgroup whose controllers appear one after the other', async () => {
    const late = cgroup('-late', ['pids']);
    await agent.until<Stats>(stats(late.name), (now) => (now[late.name]?.length ?? 0) > 0, 'a first sample');
    late.create(['memory']);
    await agent.until<Specs>(`/api/v2.0/spec${late.name}`, (now) => now[late.name]!.has_memory, 'its memory');
    late.create(['cpu', 'cpuacct', 'cpuset', 'blkio']);
    await late.run('x=$(head -c 300000 /dev/zero | tr "\\0" a); read y');
    await agent.until<Stats>(
      stats(late.name),
      (now) => {
        const sample = newest(now, late.name);
        return sample !== undefined && sample.cpu.usage.total > 0 && sample.memory.usage > 0;
      },
      'CPU and memory',
    );
  });

  it('returns descendants but not siblings with recursive=true', async () => {
    cgroup('-tree');
    const child = cgroup('-tree/child');
    const grandchild = cgroup('-tree/child/grandchild');
    cgroup('-tree-sibling');
    const path = `/api/v2.0/stats${BASE}-tree?recursive=true&count=0`;
    const answer = await agent.until<Stats>(path, (now) => grandchild.name in now, 'the grandchild');
    assert.deepEqual(Object.keys(answer), [`${BASE}-tree`, child.name, grandchild.name]);
  });

  it('samples at once with max_age=0s', async () => {
    const fresh = cgroup('-fresh');
    await agent.until<Stats>(stats(fresh.name), (now) => (now[fresh.name]?.length ?? 0) > 0, 'a sample');
    const asked = Date.now();
    const answer = await agent.json<Stats>(stats(fresh.name, 'count=1&max_age=0s'));
    assert.ok(Date.parse(newest(answer, fresh.name)!.timestamp) >= asked - 2);
  });

  it('serves its pages after readers that left in the middle of one', async () => {
    for (let reader = 0; reader < 20; reader++) {
      const leaving = new AbortController();
      const { body } = await fetch(`${agent.url}/containers/`, { signal: leaving.signal });
      await body!.getReader().read();
      leaving.abort();
    }
    const page = await (await fetch(`${agent.url}/containers/`)).text();
    const parts = Array.from(page.matchAll(/(?:src|href)="(\/static\/[^"]+)"/g), ([, path]) => path!);
    assert.ok(page.endsWith('</html>\n') && parts.length > 1, `${parts}`);
    for (const path of parts) assert.equal((await fetch(`${agent.url}${path}`)).status, 200, path);
    const plugins = await agent.json<{ id: string; errors: number }[]>('/api/plugins');
    assert.equal(plugins.find(({ id }) => id === 'web-ui')?.errors, 0);
  });

  it('returns the machine as /, with network and filesystems', async () => {
    const answer = await agent.until<Stats>(stats('/'), (now) => newest(now, '/') !== undefined, 'a sample');
    assert.ok(newest(answer, '/')!.cpu.usage.total > 0);
  });
});

describe('the process of the agent', () => {
  it('answers open requests after SIGTERM and exits within the time limit', async () => {
    const other = await AgentProcess.start(CONFIG);
    const answers = Promise.all(Array.from({ length: 20 }, () => fetch(`${other.url}/healthz`)));
    await answers;
    other.signal('SIGTERM');
    assert.deepEqual(await other.ended(), { code: 0, signal: null });
  });

  it('exits at once on a second signal', async () => {
    const other = await AgentProcess.start(CONFIG);
    other.signal('SIGINT');
    other.signal('SIGINT');
    const { code } = await other.ended();
    assert.ok(code === 130 || code === 0, `exit status ${code}`);
  });
});
