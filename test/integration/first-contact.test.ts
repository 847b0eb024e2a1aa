// The first start of the agent on a healthy host: no error anywhere, from the first second on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import type { Finding } from '../../src/kernel/contracts/index.js';
import { agentMain } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { until } from '../support/discovery.js';
import { DockerEngine, IMAGE } from '../support/docker-engine.js';
import { FakeEngine, fakeContainer } from '../support/fake-engine.js';
import { DOCKER_ENGINE, needs, PODMAN_ENGINE } from '../support/needs.js';
import { PODMAN_IMAGE, PodmanEngine } from '../support/podman-engine.js';
import { RealCgroup } from '../support/real-cgroup.js';

interface Endpoints {
  readonly docker?: string;
  readonly podman?: string;
}

/** The default configuration but for where the engines listen. */
function configuration({ docker, podman }: Endpoints, more = ''): string {
  const entry = (use: string, endpoint: string | undefined) =>
    endpoint === undefined
      ? `  - { use: ${use}, enabled: false }`
      : `  - { use: ${use}, with: { endpoint: '${endpoint}'${more} } }`;
  return `plugins:\n${entry('docker', docker)}\n${entry('podman', podman)}\n`;
}

async function get(agent: AgentProcess, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${agent.url}${path}`);
  return { status: answer.status, text: await answer.text() };
}

/** What `tallyman doctor` finds with an agent of its own. */
async function commandFindings(config: string, through: readonly string[]): Promise<Finding[]> {
  const [program, ...args] = [...through, process.execPath, agentMain, 'doctor', '--config', config, '--json'];
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  await new Promise((resolve) => child.once('close', resolve));
  return (JSON.parse(out) as { findings: Finding[] }).findings;
}

const of = (findings: readonly Finding[], severity: string) =>
  findings.filter((finding) => finding.severity === severity).map(({ id, what }) => `${id}: ${what}`);

/** Everything by which an agent says that something is wrong. */
async function assertNoError(agent: AgentProcess, when: string): Promise<void> {
  const page = (await get(agent, '/containers/')).text;
  assert.deepEqual(page.match(/<li class="error">.*?<\/li>/g) ?? [], [], `the first page, ${when}`);
  const metrics = (await get(agent, '/metrics')).text;
  assert.deepEqual(metrics.match(/^tallyman_finding\{.*severity="error".*$/gm) ?? [], [], `/metrics, ${when}`);
  const { findings } = await agent.json<{ findings: Finding[] }>('/-/doctor');
  assert.deepEqual(of(findings, 'error'), [], `/-/doctor, ${when}`);
}

/** Looks at once, when the agent is ready, and by the command. */
async function assertHealthy(config: string, named: readonly string[], through: readonly string[] = []): Promise<void> {
  const agent = await AgentProcess.start(config, ['--port', '0'], {}, { through });
  try {
    await assertNoError(agent, 'right after the start');
    await until(
      async () => (await get(agent, '/-/ready')).status === 200,
      () => agent.output,
    );
    const first = (await get(agent, '/metrics')).text;
    for (const name of named) assert.ok(first.includes(`,name="${name}"`), name);
    await assertNoError(agent, 'when it is ready');
    assert.deepEqual(of(await commandFindings(agent.file, through), 'error'), [], '`tallyman doctor`');
  } finally {
    await agent.stop();
  }
}

describe('a healthy host has no error on the first page, in /-/doctor and by `tallyman doctor`', () => {
  it('beside Docker', { skip: needs(...DOCKER_ENGINE) }, async () => {
    const engine = await DockerEngine.start();
    try {
      await engine.run('--name=first-contact-docker', IMAGE);
      await assertHealthy(configuration({ docker: engine.endpoint }), ['first-contact-docker']);
    } finally {
      await engine.stop();
    }
  });

  it('beside Podman', { skip: needs(...PODMAN_ENGINE) }, async () => {
    const engine = await PodmanEngine.start();
    try {
      await engine.run('--name=first-contact-podman', PODMAN_IMAGE);
      await assertHealthy(configuration({ podman: engine.endpoint }), ['first-contact-podman']);
    } finally {
      await engine.stop();
    }
  });

  it('without an engine, by the default configuration', { skip: needs('root', 'mounts') }, () =>
    // A /run of its own has no socket of an engine.
    assertHealthy('{}', [], ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /run && exec "$@"', 'sh']),
  );
});

describe('an engine that answers slowly', () => {
  const ID = 'f1'.repeat(32);

  /** An agent beside an engine that keeps its first answer. */
  async function slow(timeout: string, look: (agent: AgentProcess, engine: FakeEngine) => Promise<void>) {
    const cgroup = new RealCgroup(`/docker/${ID}`).create();
    const engine = new FakeEngine();
    engine.containers.set(ID, fakeContainer(ID, 'late'));
    engine.overrides.set('/images', { status: 200, body: '[]' });
    engine.delay('/version');
    await engine.listen();
    const agent = await AgentProcess.start(
      configuration({ docker: engine.endpoint }, `, timeout: ${timeout}, grace: 100ms`),
    );
    try {
      await look(agent, engine);
    } finally {
      await agent.stop();
      await engine.dispose();
      await cgroup.remove();
    }
  }
  const skip = needs('cgroups');

  it('is awaited by /-/ready and /-/doctor without an error', { skip }, () =>
    slow('10m', async (agent, engine) => {
      await until(
        () => engine.delayed === 1,
        () => `the engine is asked, and has not answered:\n${agent.output}`,
      );
      const before = await get(agent, '/-/ready');
      assert.equal(before.status, 503);
      const metrics = (await get(agent, '/metrics')).text;
      assert.ok(!metrics.includes('tallyman_finding{id="docker'));
      assert.ok(!(await get(agent, '/containers/')).text.includes('cannot be asked'));
      let isOver = false;
      const doctor = agent.json<{ findings: Finding[] }>('/-/doctor').finally(() => {
        isOver = true;
      });
      await get(agent, '/-/status');
      assert.equal(isOver, false, '/-/doctor waits for the engine');
      engine.release();
      assert.deepEqual(of((await doctor).findings, 'error'), []);
      await until(
        async () => (await get(agent, '/-/ready')).status === 200,
        () => agent.output,
      );
      assert.ok((await get(agent, '/metrics')).text.includes(',name="late"'));
    }),
  );

  it('is an error after the time limit, until it answers', { skip }, () =>
    slow('1s', async (agent, engine) => {
      const found = async () =>
        (await get(agent, '/metrics')).text.includes('tallyman_finding{id="docker-unreachable"');
      await until(found, () => agent.output);
      await until(
        async () => (await get(agent, '/-/ready')).status === 200,
        () => agent.output,
      );
      engine.release();
      await until(
        async () => !(await found()),
        () => agent.output,
      );
    }),
  );
});
