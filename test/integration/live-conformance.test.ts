// The recorded requests, asked of a running agent with containers made to the recordings' description: the same status,
// keys in the same order, types, and every limit to the digit. (What changes by the second is proven from recorded kernel
// files in test/conformance.)
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DISK_COUNTERS } from '../../src/api-versions/v1.0/sections/keys.js';
import { golden, goldenObject, parseExact } from '../conformance/world/golden.js';
import type { Json, JsonObject } from '../conformance/world/recorded-samples.js';
import { AgentProcess } from '../support/agent-process.js';
import { DockerEngine, IMAGE } from '../support/docker-engine.js';
import { removeCgroups } from '../support/engine-process.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';
import { operationOf, violation } from '../support/served-operations.js';

interface RecordedFile {
  readonly file: string;
  readonly run: string;
  readonly url: string;
  readonly method: string;
  readonly request_body?: string;
}

const PREFIX = `/tallyman-test-${process.pid}-`;
const RAW = ['graw', 'graw/child', 'grawsibling', 'gcpuonly'];
const NETWORK = `tallyman-test-${process.pid}`;
/** Paths (list indexes left out) of maps whose keys are names of things, and of what the host decides. */
const MAPS = /\/(labels|envs|disk_map|stats\/diskio|diskio)$/;
/** Recordings that are proven elsewhere. */
const ELSEWHERE = /events|metrics\.txt|validate|g-app|api-index|containers-range/;

const manifest = golden('MANIFEST.json') as unknown as {
  files: RecordedFile[];
  container_names: Readonly<Record<string, string>>;
};
const files = manifest.files.filter(({ file, run }) => run === 'A' && !ELSEWHERE.test(file));

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  web: ['-m=64m', '--cpus=0.5', '-l=app=demo'],
  plain: [],
  'g-limits': [
    ...['-m=64m', '--memory-swap=128m', '--memory-reservation=32m', '--cpu-shares=512', '--cpu-period=50000'],
    ...['--cpu-quota=25000', '--cpuset-cpus=0', '--pids-limit=50', '-e=APP_TIER=backend', '-e=EMPTY='],
    ...['-l=tier=backend', '-l=com.example.team=ops', '-l=odd/label-key=v"1 x'],
  ],
  'g-netnone': ['--network=none'],
  'g-io': [`--cgroup-parent=${PREFIX}parent`],
  'g-cpu': ['--cpu-shares=256', '--cpus=0.2'],
};

const UNMADE = new Set(
  Object.entries(manifest.container_names).flatMap(([name, path]) => (name in OPTIONS ? [] : [path])),
);

describe('a running agent against the recordings', { skip: needs('cgroup v1', ...DOCKER_ENGINE) }, () => {
  const cgroups = RAW.map((name) => new RealCgroup(PREFIX + name));
  const ids = new Map<string, string>();
  let engine: DockerEngine;
  let agent: AgentProcess;

  before(async () => {
    makeRaw(cgroups);
    engine = await DockerEngine.start();
    await engine.cli('network', 'create', `--subnet=10.${100 + (process.pid % 100)}.77.0/24`, NETWORK);
    for (const [name, options] of Object.entries(OPTIONS)) {
      const network = options.some((option) => option.startsWith('--network')) ? [] : [`--network=${NETWORK}`];
      const command = name === 'g-cpu' ? ['sh', '-c', 'while :; do :; done'] : [];
      await engine.cli('run', '-d', ...network, `--name=${name}`, ...options, IMAGE, ...command);
      ids.set(name, await engine.cgroup(name));
    }
    agent = await AgentProcess.start(`
housekeeping: { interval: 200ms, maxInterval: 200ms }
plugins:
  - { use: docker, with: { endpoint: '${engine.endpoint}' } }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: [/, /docker, '${PREFIX}*', '${PREFIX}*/*'] } }`);
    for (const name of Object.keys(OPTIONS)) {
      // Disk usage is there as soon as the container's files were walked.
      const fits = (answer: Record<string, { filesystem?: unknown }[]>) => {
        const samples = Object.values(answer)[0]!;
        return samples.length >= 3 && samples.every(({ filesystem }) => filesystem !== undefined);
      };
      await agent.until(`/api/v2.0/stats/${name}?type=docker&count=3`, fits, name);
    }
  });
  after(async () => {
    await agent?.stop();
    for (const name of ids.keys()) await engine.cli('rm', '-f', name);
    // Its bridge outlives the engine.
    await engine?.cli('network', 'rm', NETWORK).catch(() => {});
    await engine?.stop();
    for (const cgroup of cgroups.reverse()) await cgroup.remove();
    removeCgroups(`${PREFIX}parent`);
  });

  /** The recorded text with the names that things have here. */
  const here = (text: string): string => {
    let renamed = text.replaceAll(/\/(graw|grawsibling|gcpuonly)(?=["/?]|$)/g, `${PREFIX}$1`);
    for (const [name, path] of ids) renamed = renamed.replaceAll(manifest.container_names[name]!, path);
    return renamed;
  };

  for (const { file, url, method, request_body: body } of files) {
    it(`recorded ${file}`, async () => {
      const target = here(url);
      const response = await fetch(agent.url + target, { method, ...(body !== undefined && { body }) });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      assert.equal(response.headers.get('content-type'), 'application/json');
      assert.equal(violation(operationOf(target)!, text), '');
      const recorded = parseExact(
        here(JSON.stringify(golden(file), (_key, value) => (typeof value === 'bigint' ? Number(value) : value))),
      );
      assert.deepEqual(misfits(recorded, parseExact(text)), []);
    });
  }

  it('the limits equal those of the recordings', async () => {
    const specOf = async (path: string): Promise<Json> => {
      const response = await fetch(`${agent.url}/api/v1.3/containers${path}`);
      return limits((parseExact(await response.text()) as JsonObject).spec!);
    };
    const recorded = (file: string) => limits(goldenObject(`v1.3-containers-${file}.json`).spec!);
    for (const name of ['web', 'g-limits', 'g-cpu']) {
      assert.deepEqual(await specOf(ids.get(name)!), recorded(name), name);
    }
    assert.deepEqual(await specOf(`${PREFIX}graw`), recorded('raw_graw'));
  });
});

function makeRaw([graw, child, sibling, cpuOnly]: readonly RealCgroup[]): void {
  graw!.create();
  child!.create();
  sibling!.create();
  cpuOnly!.create(['cpu']);
  graw!.write('memory', 'memory.limit_in_bytes', String(32 * 2 ** 20));
  graw!.write('cpu', 'cpu.shares', '300');
  graw!.write('cpu', 'cpu.cfs_quota_us', '40000');
  graw!.write('pids', 'pids.max', '20');
  for (const cgroup of [child!, graw!]) cgroup.write('cpuset', 'cpuset.cpus', '0');
}

/** What is configured, without what the host, the clock or the release decides. */
function limits(spec: Json): Json {
  const changing = ['creation_time', 'start_time', 'image', 'envs', 'has_filesystem', 'has_hugetlb'];
  const rest = Object.fromEntries(Object.entries(spec as JsonObject).filter(([key]) => !changing.includes(key)));
  const cpu = { ...(rest.cpu as JsonObject) };
  // Without a cpuset of its own a container has all CPUs of its host.
  if (cpu.mask !== '0') delete cpu.mask;
  return { ...rest, cpu };
}

/** Where an answer lacks what the recording has, has it in another order or of another type. */
function misfits(recorded: Json, answered: Json | undefined, path = ''): string[] {
  const [wanted, got] = [kindOf(recorded), kindOf(answered)];
  if (wanted !== got) return [`${path}: ${got}, not ${wanted}`];
  if (MAPS.test(path)) return [];
  if (Array.isArray(recorded)) {
    const [first] = recorded;
    const [element] = answered as Json[];
    if (first === undefined || element === undefined) return [];
    return misfits(first, element, path);
  }
  if (wanted !== 'object') return [];
  const there = Object.keys(answered as JsonObject);
  const known = Object.keys(recorded as JsonObject).filter((key) => !isByChance(path, key));
  // The names of containers are others here, and so is their order.
  if (known.every((key) => key.startsWith('/'))) known.sort();
  const common = there.filter((key) => known.includes(key));
  if (common.join() !== known.join()) return [`${path}: keys ${common.join()}, not ${known.join()}`];
  return known.flatMap((key) =>
    misfits((recorded as JsonObject)[key]!, (answered as JsonObject)[key], `${path}/${key}`),
  );
}

/** Keys that are there when something happened or when the host has it. */
function isByChance(path: string, key: string): boolean {
  if (['cpu_inst', 'hugepages', 'quota', 'labels'].includes(key)) return true;
  // v0.60.5 shows no zeros that nothing counts.
  if (['network', 'processes'].includes(key) && path.endsWith('/stats')) return true;
  if (key === 'processes' && path === '') return true;
  if (path.endsWith('/filesystem') && (DISK_COUNTERS as readonly string[]).includes(key)) return true;
  // Recorded containers that are not made here.
  return path === '' && UNMADE.has(key);
}

function kindOf(value: Json | undefined): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'list' : typeof value === 'bigint' ? 'number' : typeof value;
}
