import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { projectRoot } from '../project.js';
import { DockerEngine, IMAGE } from '../support/docker-engine.js';

const TAG = 'tallyman-test/agent:1';

/** Mounts and rights as config/packaging/Containerfile documents them, for an engine whose socket is elsewhere. */
function documentedFlags(endpoint: string): string[] {
  const text = readFileSync(join(projectRoot, 'config/packaging/Containerfile'), 'utf8');
  const command = /docker run --detach (.*?) tallyman$/ms.exec(text.replaceAll(/\\\n#/g, ''))![1]!;
  // The engine of the tests has no bridge to publish from, and its containers end with it.
  const fitting = command.replaceAll(/--(publish|name|restart) \S+/g, '');
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
  readonly image: string;
  readonly memory: { readonly limit: number };
  readonly cpu: { readonly limit: number };
}

describe('the container image', { skip: DockerEngine.missing() ?? false }, () => {
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
    await engine.run('--name', 'tallyman-test-sampled', '--memory', '32m', '--cpu-shares', '512', IMAGE);
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

  const get = (path: string) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const asked = request({ socketPath: join(work, 'run/agent.sock'), path }, (response) => {
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

  test('knows the containers of the host by name, with the kernel’s limits, and samples them', async () => {
    const logs = () => execFileSync('docker', ['-H', engine.endpoint, 'logs', agent], { encoding: 'utf8' });
    const path = '/api/v2.0/spec/tallyman-test-sampled?type=docker';
    const [name, spec] = await eventually(
      () => onlyMember<Spec>(path),
      () => `the container does not appear; the agent logged:\n${logs()}`,
    );
    assert.equal(name, await engine.cgroup('tallyman-test-sampled'));
    assert.deepEqual([spec.image, spec.memory.limit, spec.cpu.limit], [IMAGE, 32 * 2 ** 20, 512]);
    const usage = await eventually(
      async () => {
        const member = await onlyMember<{ memory: { usage: number } }[]>(`/api/v2.0/stats${name}?type=name&count=1`);
        return member?.[1][0]?.memory.usage || undefined;
      },
      () => `no sample of the container; the agent logged:\n${logs()}`,
    );
    assert.ok(usage <= 32 * 2 ** 20);
  });

  test('sees the machine, not itself', async () => {
    const machine = JSON.parse((await get('/api/v2.0/machine')).body);
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    assert.equal(machine.boot_id, boot);
    const devices = machine.filesystems.map(({ device }: { device: string }) => device);
    const root = execFileSync('findmnt', ['--noheadings', '--output', 'SOURCE', '/'], { encoding: 'utf8' }).trim();
    assert.ok(devices.includes(root), `${root} is not among ${devices.join(' ')}`);
  });

  test('has nothing but the agent in it, and stops when it is told to', async () => {
    assert.ok(!existsSync(join(work, 'image/rootfs/bin')));
    await engine.cli('stop', '--time', '10', agent);
    assert.equal(await engine.inspect(agent, '.State.ExitCode'), '0');
  });
});
