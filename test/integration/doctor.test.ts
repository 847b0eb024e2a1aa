// The doctor of a running agent: the route, the metric and the command say the same.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Finding } from '../../src/kernel/contracts/index.js';
import { projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';

// Engines that are not there: findings that every machine has.
const CONFIG = `
plugins:
  - { use: docker, with: { endpoint: 'unix:///nonexistent/docker.sock' } }
  - { use: podman, with: { endpoint: ['tcp://127.0.0.1:1', 'tcp://127.0.0.1:2'] } }
  - { use: raw, with: { include: ['/'] } }
`;

let agent: AgentProcess;
before(async () => {
  agent = await AgentProcess.start(CONFIG);
});
after(() => agent.stop());

function doctor(...args: string[]): Promise<{ status: number | null; out: string }> {
  const main = join(projectRoot, '.test-build/src/cli/main.js');
  const child = spawn(process.execPath, [main, 'doctor', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, out })));
}

test('findings are in /-/doctor, a series for each kind in the metrics, and printed by the command', async () => {
  const { findings } = await agent.json<{ findings: Finding[] }>('/-/doctor');
  const ids = findings.map(({ id }) => id);
  for (const id of ['docker-absent', 'podman-unreachable']) assert.ok(ids.includes(id), id);
  for (const finding of findings) {
    for (const member of [finding.what, finding.effect, finding.mend]) assert.ok(member.length > 0, finding.id);
  }
  const metrics = await (await fetch(`${agent.url}/metrics`)).text();
  for (const { id, severity } of findings) {
    assert.equal(metrics.split(`tallyman_finding{id="${id}",severity="${severity}"} 1\n`).length - 1, 1, id);
  }
  const printed = await doctor('--url', agent.url);
  assert.equal(printed.status, 1, 'an error among them');
  assert.match(
    printed.out,
    /^error +podman-unreachable +podman cannot be asked: .*\n +effect: .*\n +mend: +systemctl restart podman$/m,
  );
  const json = JSON.parse((await doctor('--url', `${agent.url}/-/doctor`, '--json')).out) as { findings: Finding[] };
  assert.deepEqual(json.findings.map(({ id }) => id).sort(), ids.sort());
});

test('without a running agent one is started with the configuration', async () => {
  const { status, out } = await doctor('--config', agent.file, '--json');
  assert.equal(status, 1);
  const { findings } = JSON.parse(out) as { findings: Finding[] };
  assert.ok(findings.some(({ id }) => id === 'docker-absent'));
});
