// Reloads without end: each is answered, none of them costs a request, a descriptor or the configuration.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { LIMIT_MS } from './limit.js';

const config = (timeout: number, more = '') => `
web: { listen: ['127.0.0.1:0'], requestTimeout: ${timeout}s }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: ['/', '/tallyman-test-none'] } }${more}
`;

describe('five hundred reloads', { timeout: LIMIT_MS }, () => {
  let agent: AgentProcess;
  before(async () => {
    agent = await AgentProcess.start(config(10), []);
  });
  after(() => agent?.stop());

  it('by signal and by request leave the agent as it was, and every request answered', async () => {
    const descriptors = () => readdirSync(`/proc/${agent.pid}/fd`).length;
    assert.equal((await fetch(`${agent.url}/-/reload`, { method: 'POST' })).status, 200);
    const before = descriptors();
    let done = false;
    const statuses = new Map<number, number>();
    const client = async (): Promise<void> => {
      while (!done) {
        for (const path of ['/healthz', '/api/v1.3/containers/', '/metrics']) {
          const answer = await fetch(`${agent.url}${path}`).catch((error: Error) => {
            throw new Error(`${path} during a reload: ${error.cause}\n${agent.output.slice(-2000)}`);
          });
          await answer.arrayBuffer();
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        }
      }
    };
    const clients = [client(), client()];
    for (let i = 0; i < 100; i++) {
      const isBad = i % 20 === 19;
      agent.configure(isBad ? 'nonsense: [' : config(10 + (i % 3), i % 5 === 0 ? '\n  - { use: tcp }' : ''));
      for (let signals = 0; signals < 4; signals++) agent.signal('SIGHUP');
      const answer = await fetch(`${agent.url}/-/reload`, { method: 'POST' });
      assert.equal(answer.status, isBad ? 422 : 200, await answer.text());
    }
    agent.configure(config(17));
    assert.equal((await fetch(`${agent.url}/-/reload`, { method: 'POST' })).status, 200);
    done = true;
    await Promise.all(clients);
    assert.deepEqual([...statuses.keys()], [200]);
    await agent.until('/-/status', () => descriptors() <= before + 5, 'its descriptors back');
    const { plugins } = await agent.json<{ plugins: { state: string }[] }>('/-/status');
    assert.deepEqual([...new Set(plugins.map(({ state }) => state))], ['running']);
  });
});
