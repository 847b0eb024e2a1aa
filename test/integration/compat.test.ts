// `tallyman compat`: an agent beside itself, beside a server that changes its answers, and beside nobody.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { Comparison } from '../../src/cli/compat/comparison.js';
import { agentMain } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';

const GROUP = `/tallyman-test-${process.pid}-compat`;
/** Containers of other tests, which come and go, are no containers of this agent. */
const CONFIG = `plugins:
${['containerd', 'cri', 'docker', 'lxc', 'podman', 'systemd'].map((use) => `  - { use: ${use}, enabled: false }`).join('\n')}
  - { use: raw, with: { include: ['/', '${GROUP}', '${GROUP}/*'] } }
`;
const QUICKLY = ['--containers', '2', '--rate', '500'];

async function tallyman(...args: string[]): Promise<{ status: number | null; out: string; error: string }> {
  const child = spawn(process.execPath, [agentMain, 'compat', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, error] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    error += text;
  });
  const [status] = await once(child, 'close');
  return { status, out, error };
}

/** A server that answers as the agent does, but for what `change` makes of it. */
async function faulty(agent: string, change: (target: string, body: string) => string | undefined): Promise<Server> {
  const server = createServer(async (request, response) => {
    const answer = await fetch(`${agent}${request.url}`, { redirect: 'manual' });
    const body = change(request.url!, await answer.text());
    if (body === undefined) {
      request.socket.destroy();
      return;
    }
    const { location = '', 'content-type': type = '' } = Object.fromEntries(answer.headers);
    response.writeHead(answer.status, { 'content-type': type, ...(location !== '' && { location }) }).end(body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

describe('compat', { skip: needs('cgroup v1', 'cgroups') }, () => {
  const cgroups = [GROUP, `${GROUP}/one`, `${GROUP}/two`].map((name) => new RealCgroup(name));
  let agent: AgentProcess;
  before(async () => {
    for (const cgroup of cgroups) cgroup.create();
    agent = await AgentProcess.start(CONFIG);
  });
  after(async () => {
    await agent?.stop();
    for (const cgroup of cgroups.reverse()) await cgroup.remove();
  });

  it('finds no difference between an agent and itself, and prints the duration', async () => {
    const { status, out, error } = await tallyman(agent.url, agent.url, '--json', ...QUICKLY);
    const comparison = JSON.parse(out) as Comparison;
    assert.deepEqual(comparison.differ, []);
    assert.equal(status, 0, error);
    assert.ok(comparison.questions > 60, `${comparison.questions}`);
    assert.deepEqual(comparison.onPurpose, []);
    assert.equal(comparison.agree, comparison.questions);
    assert.deepEqual(comparison.missingForDashboards, []);
    assert.ok(comparison.cost.new.memory! > 10 * 2 ** 20);
    assert.ok(comparison.cost.new.cpu! >= 0);
  });

  it('reports the differences between two agents', async () => {
    const planted = await faulty(agent.url, (target, body) => {
      if (target === '/api/v2.0/attributes') return body.replace(/"num_cores":\d+/, '"num_cores":4096');
      if (target === '/api/v1.3/containers/') return body.replaceAll('"working_set"', '"workingset"');
      if (target === '/api/v2.0/version') return undefined;
      if (target !== '/metrics') return body;
      return body
        .replaceAll(/^.*container_memory_rss.*\n/gm, '')
        .replace('machine_cpu_cores gauge', 'machine_cpu_cores counter');
    });
    const { status, out } = await tallyman(agent.url, urlOf(planted), '--json', ...QUICKLY);
    const printed = await tallyman(agent.url, urlOf(planted), ...QUICKLY);
    planted.close();
    assert.equal(status, 1);
    const { differ, missingForDashboards } = JSON.parse(out) as Comparison;
    const names = differ.map(
      (each) => `${each.question} ${'kind' in each ? `${each.kind} ${each.path}` : `${each.what} ${each.family}`}`,
    );
    assert.deepEqual(names.sort(), [
      '/api/v1.3/containers/ missing stats[].memory.working_set',
      '/api/v2.0/attributes value num_cores',
      '/api/v2.0/version status ',
      '/metrics family missing container_memory_rss',
      '/metrics type machine_cpu_cores',
    ]);
    assert.deepEqual(missingForDashboards, ['container_memory_rss']);
    assert.equal(printed.status, 1);
    assert.match(printed.out, /^ {2}\/api\/v2\.0\/attributes {2}value num_cores\n {4}old: \d+\n {4}new: 4096$/m);
    assert.match(printed.out, /^5 differences are not explained\.$/m);
  });

  it('exits with 2 when an agent is unreachable', async () => {
    const closed = createServer();
    await once(closed.listen(0, '127.0.0.1'), 'listening');
    const nobody = urlOf(closed);
    closed.close();
    for (const args of [
      [nobody, agent.url],
      [agent.url, nobody],
      [agent.url, agent.url, '--rate', '0'],
      ['not a url', agent.url],
    ]) {
      const { status, out, error } = await tallyman(...args, '--json');
      assert.deepEqual({ status, out }, { status: 2, out: '' }, error);
      assert.match(error, /^tallyman: /);
    }
  });
});
