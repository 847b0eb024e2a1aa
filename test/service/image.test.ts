import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Finding } from '../../src/kernel/contracts/index.js';
import { projectRoot } from '../project.js';
import { DockerEngine, IMAGE } from '../support/docker-engine.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';

/** What a container keeps in a directory that is for one of its users only. */
const CLOSED_BYTES = 8 * 2 ** 20;
const CLOSE = [
  'busybox mkdir -m 700 /closed',
  `busybox head -c ${CLOSED_BYTES} /dev/zero >/closed/file`,
  'busybox chown -R 999 /closed',
  'exec busybox sleep 100000',
].join('\n');
const TAG = 'tallyman-test/agent:1';

/** Mounts and rights as config/packaging/Containerfile documents them, for an engine whose socket is elsewhere. */
function documentedFlags(endpoint: string): string[] {
  const text = readFileSync(join(projectRoot, 'config/packaging/Containerfile'), 'utf8');
  const command = /docker run --detach (.*?) tallyman$/ms.exec(text.replaceAll(/\\\n#/g, ''))![1]!;
  // The engine of the tests has no bridge to publish from, and its containers end with it. The tests mount /run/tallyman themselves.
  const fitting = command.replaceAll(/--(publish|name|restart|tmpfs) \S+/g, '');
  const located = fitting.replace('/var/run/docker.sock:', `${endpoint.replace('unix://', '')}:`);
  // Mounts can only be passed on from a shared root, as systemd makes it.
  const isShared = / \/ \/ \S+ shared:/.test(readFileSync('/proc/self/mountinfo', 'utf8'));
  return (isShared ? located : located.replace(',rslave', '')).trim().split(/\s+/);
}

/** The first answer that there is, within a minute. */
async function eventually<T>(ask: () => Promise<T | undefined>, otherwise: () => string): Promise<T> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(otherwise());
}

interface Spec {
  readonly aliases?: readonly string[];
  readonly image?: string;
  readonly memory: { readonly limit: number };
  readonly cpu: { readonly limit: number };
}

describe('the container image', { skip: needs(...DOCKER_ENGINE) }, () => {
  const work = mkdtempSync(join(tmpdir(), 'tallyman-test-image-'));
  let engine: DockerEngine;
  let agent = '';

  before(async () => {
    const folder = join(work, 'image');
    execFileSync(process.execPath, [join(projectRoot, 'scripts/package-image.mjs'), '--output', folder]);
    // Docker's client has either builder; the one without a component of its own takes any definition.
    process.env.DOCKER_BUILDKIT = '0';
    engine = await DockerEngine.start();
    await engine.cli('build', '--quiet', '--tag', TAG, folder);
    const limits = ['--memory', '32m', '--cpu-shares', '512'];
    await engine.run('--name', 'tallyman-test-sampled', ...limits, IMAGE, 'busybox', 'sh', '-c', CLOSE);
    mkdirSync(join(work, 'run'));
    const listen = ['--volume', `${work}/run:/run/tallyman`];
    agent = await engine.run(
      ...documentedFlags(engine.endpoint),
      ...listen,
      TAG,
      '--listen',
      'unix:/run/tallyman/agent.sock',
    );
  });
  after(async () => {
    await engine?.stop();
    rmSync(work, { recursive: true, force: true });
  });

  const logsOf = (id: string) => {
    const { stdout, stderr } = spawnSync('docker', ['-H', engine.endpoint, 'logs', id], { encoding: 'utf8' });
    return stdout + stderr;
  };
  const get = (path: string, socket = 'agent.sock') =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const asked = request({ socketPath: join(work, 'run', socket), path }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      });
      asked.on('error', reject).end();
    });

  /** The only member of an answer, once there is one. */
  const onlyMember = async <T>(path: string): Promise<[string, T] | undefined> => {
    const { status, body } = await get(path).catch(() => ({ status: 0, body: '' }));
    const [member] = status === 200 ? Object.entries(JSON.parse(body) as Record<string, T>) : [];
    return member;
  };

  it('lists and samples the containers of the host by name, with their limits', async () => {
    const path = '/api/v2.0/spec/tallyman-test-sampled?type=docker';
    const [name, spec] = await eventually(
      () => onlyMember<Spec>(path),
      () => `the container does not appear; the agent logged:\n${logsOf(agent)}`,
    );
    assert.equal(name, await engine.cgroup('tallyman-test-sampled'));
    assert.deepEqual([spec.image, spec.memory.limit, spec.cpu.limit], [IMAGE, 32 * 2 ** 20, 512]);
    const usage = await eventually(
      async () => {
        const member = await onlyMember<{ memory: { usage: number } }[]>(`/api/v2.0/stats${name}?type=name&count=1`);
        return member?.[1][0]?.memory.usage || undefined;
      },
      () => `no sample of the container; the agent logged:\n${logsOf(agent)}`,
    );
    assert.ok(usage <= 32 * 2 ** 20);
  });

  it('has commands that find the agent, and room for its state', async () => {
    const reload = ['exec', agent, 'node', '/usr/lib/tallyman/dist/cli/main.js', 'reload'];
    assert.match(await engine.cli(...reload), /is active/);
    assert.doesNotMatch(logsOf(agent), /could not be written|may not find this agent/);
  });

  it('reports the machine, not its own container', async () => {
    const machine = JSON.parse((await get('/api/v2.0/machine')).body);
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    assert.equal(machine.boot_id, boot);
    const devices = machine.filesystems.map(({ device }: { device: string }) => device);
    const root = execFileSync('findmnt', ['--noheadings', '--output', 'SOURCE', '/'], { encoding: 'utf8' }).trim();
    assert.ok(devices.includes(root), `${root} is not among ${devices.join(' ')}`);
  });

  /** Starts another agent with these flags. */
  async function another(name: string, flags: readonly string[]) {
    const listen = ['--volume', `${work}/run:/run/tallyman`];
    const id = await engine.run(...flags, ...listen, TAG, '--listen', `unix:/run/tallyman/${name}.sock`);
    const ask = (path: string) => get(path, `${name}.sock`);
    await eventually(
      async () => ((await ask('/-/ready').catch(() => undefined))?.status === 200 ? true : undefined),
      () => `${name} is not ready; it logged:\n${logsOf(id)}`,
    );
    const json = async <T>(path: string) => JSON.parse((await ask(path)).body) as T;
    /** Without an engine it is known a moment later. */
    const spec = (container: string) =>
      eventually(
        async () => {
          const { status, body } = await ask(`/api/v2.0/spec${container}`);
          return status === 200 ? (JSON.parse(body) as Record<string, Spec>)[container] : undefined;
        },
        () => `${name} does not know ${container}; it logged:\n${logsOf(id)}`,
      );
    const { findings } = await json<{ findings: Finding[] }>('/-/doctor');
    return { id, json, spec, mends: Object.fromEntries(findings.map((finding) => [finding.id, finding.mend])) };
  }

  /** Bytes that a container uses on disk, once an agent has measured them. */
  const usageOf = (stats: Record<string, { filesystem?: { usage: number }[] }[]>, name: string) =>
    stats[name]?.[0]?.filesystem?.map(({ usage }) => usage).find((usage) => usage > 0);

  // What docs/service.md says of the parts of the command; that nobody can ask without --publish needs no agent.
  it('reports the missing mounts when the documented options are omitted', async () => {
    const documented = documentedFlags(engine.endpoint);
    const without = (unwanted: RegExp) =>
      documented.filter(
        (flag, at) => !unwanted.test(flag) && !(/^--/.test(flag) && unwanted.test(documented[at + 1] ?? '')),
      );
    const name = await engine.cgroup('tallyman-test-sampled');
    const [bare, unnamed, incapable] = await Promise.all([
      another('bare', []),
      another('unnamed', without(/docker\.sock|kmsg|SYSLOG/)),
      another('incapable', without(/DAC_READ_SEARCH/)),
    ]);

    assert.deepEqual(Object.keys(await bare.json('/api/v2.0/spec/?type=name&recursive=true')), ['/']);
    assert.match(bare.mends['host-not-mounted']!, /^docker run --volume=\/:\/rootfs:ro,rslave /);

    const spec = await unnamed.spec(name);
    assert.deepEqual([spec.aliases, spec.image, spec.memory.limit], [[basename(name)], undefined, 32 * 2 ** 20]);
    assert.equal(unnamed.mends['kernel-log'], 'docker run --cap-add=SYSLOG --device=/dev/kmsg:/dev/kmsg:r …');
    if (existsSync('/run/docker.sock')) {
      const socket = '/var/run/docker.sock';
      assert.equal(unnamed.mends['docker-absent'], `docker run --volume=${socket}:${socket}:ro …`);
    }

    const path = `/api/v2.0/stats${name}?count=1`;
    const isWhole = (usage = 0) => (usage >= CLOSED_BYTES ? usage : undefined);
    const whole = await eventually(
      async () => isWhole(usageOf(JSON.parse((await get(path)).body), name)),
      () => `no disk use; the agent logged:\n${logsOf(agent)}`,
    );
    const partial = await eventually(
      async () => usageOf(await incapable.json(path), name),
      () => `no disk use; the agent logged:\n${logsOf(incapable.id)}`,
    );
    assert.ok(whole - partial >= CLOSED_BYTES, `${whole} and ${partial} bytes`);
    assert.match(logsOf(incapable.id), /disk usage of \S+ is not measured fully: /);
    assert.equal((await incapable.spec(name)).aliases![0], 'tallyman-test-sampled');
    const { findings } = JSON.parse((await get('/-/doctor')).body) as { findings: Finding[] };
    const ids = findings.map(({ id }) => id);
    assert.deepEqual(
      ['host-not-mounted', 'cgroup-namespace', 'kernel-log', 'docker-absent'].filter((id) => ids.includes(id)),
      [],
    );
  });

  it('contains only the agent, and stops on SIGTERM', async () => {
    assert.ok(!existsSync(join(work, 'image/rootfs/bin')));
    await engine.cli('stop', '--time', '10', agent);
    assert.equal(await engine.inspect(agent, '.State.ExitCode'), '0');
  });
});
