// No descriptors left, from the start or all at once: the agent serves on, with correct numbers.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { Agent as Connections, get } from 'node:http';
import { after, before, describe, it } from 'node:test';
import type { Finding } from '../../../src/kernel/contracts/index.js';
import { AgentProcess } from '../../support/agent-process.js';
import { BusyCgroup } from '../../support/busy-cgroup.js';
import { needs } from '../../support/needs.js';

const CONFIG = `housekeeping: { interval: 100ms, maxInterval: 100ms }
log: { format: json }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
`;

const busy = new BusyCgroup('descriptors');
/** Time in which the agent does at least once what it does at intervals of seconds, such as checks of its budget. */
const EVERYTHING_RUNS_MS = 6_000;
const LOGGED = 'are opened anew for each read';

async function untilFound(agent: AgentProcess): Promise<Finding> {
  type Findings = { findings: Finding[] };
  const find = ({ findings }: Findings) => findings.find(({ id }) => id === 'descriptors');
  return find(await agent.until<Findings>('/-/doctor', (all) => find(all) !== undefined, 'the finding'))!;
}

describe('an agent without free descriptors', { skip: needs('cgroups', 'prlimit') }, () => {
  before(() => busy.start());
  after(() => busy.remove());

  it('works with a limit of 80 open files, and reports it', async () => {
    const agent = await AgentProcess.start(CONFIG, undefined, {}, { through: ['prlimit', '--nofile=80:80'] });
    try {
      await busy.assertCounted(agent);
      const { mend } = await untilFound(agent);
      assert.match(mend, /^LimitNOFILE=\d+ /);
      assert.equal((await agent.said(LOGGED)).length, 1);
      const states = await agent.json<{ id: string; state: string; last_error?: string }[]>('/api/plugins');
      assert.deepEqual(
        states.filter(({ last_error }) => last_error?.includes('EMFILE')),
        [],
      );
    } finally {
      await agent.stop();
    }
  });

  it('keeps serving, also new containers, when the limit falls below the number of open files', async () => {
    const agent = await AgentProcess.start(CONFIG);
    const late = new BusyCgroup('late');
    const limit = (number: number) => execFileSync('prlimit', [`--pid=${agent.pid}`, `--nofile=${number}:`]);
    try {
      await busy.assertCounted(agent);
      limit(Math.max(...readdirSync(`/proc/${agent.pid}/fd`).map(Number)) + 1);
      await late.start();
      await late.assertCounted(agent);
      await busy.assertCounted(agent);
      limit(40);
      await busy.assertCounted(agent);
      await late.assertCounted(agent);
      await untilFound(agent);
      assert.equal((await agent.said(LOGGED)).length, 1);
      const names = [busy, late].map(({ name }) => name);
      const path = '/api/v2.0/spec/?recursive=true';
      await agent.until<Record<string, unknown>>(path, (all) => names.every((name) => name in all), 'both containers');
      limit(4096);
      await busy.assertCounted(agent);
      assert.equal((await fetch(`${agent.url}/-/healthy`)).status, 200);
      const { plugins } = await agent.json<{ plugins: { id: string; state: string }[] }>('/-/status');
      assert.deepEqual(
        plugins.filter(({ state }) => state !== 'running'),
        [],
      );
    } finally {
      await agent.stop();
      await late.remove();
    }
  });

  it('reports itself as unhealthy with the reason until descriptors are available', async () => {
    const agent = await AgentProcess.start(CONFIG);
    const connections = new Connections({ keepAlive: true, maxSockets: 1 });
    /** Over the one connection that is open: no other can be. */
    const healthy = () =>
      new Promise<string>((resolve, reject) => {
        get(`${agent.url}/-/healthy`, { agent: connections }, (response) => {
          let text = `${response.statusCode} `;
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          response.once('end', () => resolve(text));
        }).once('error', reject);
      });
    const limit = (number: number) => execFileSync('prlimit', [`--pid=${agent.pid}`, `--nofile=${number}:`]);
    const until = async (expected: RegExp) => {
      const deadline = Date.now() + 60_000;
      for (let said = ''; !expected.test(said); said = await healthy()) {
        if (Date.now() > deadline) throw new Error(`${said}\n${agent.output}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    try {
      await until(/^200 healthy\n$/);
      limit(3);
      const limitedAt = Date.now();
      await until(/^503 no container can be sampled: the process has no descriptors left\n$/);
      // Whatever the agent does every few seconds fails meanwhile.
      while (Date.now() < limitedAt + EVERYTHING_RUNS_MS) await until(/^503 /);
      limit(4096);
      await until(/^200 healthy\n$/);
      await busy.assertCounted(agent);
    } finally {
      connections.destroy();
      await agent.stop();
    }
  });
});
