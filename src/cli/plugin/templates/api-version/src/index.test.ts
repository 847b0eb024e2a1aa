import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SimulatedHost, TestAgent } from 'tallyman/testing';
import plugin from './index.js';

const API = '/api/v1.0-template-name';

describe('the API', () => {
  const host = new SimulatedHost();
  let agent: TestAgent;
  before(async () => {
    host.writeCgroup('/shop', 'memory', { 'cgroup.procs': '', 'memory.current': '8192\n', 'memory.stat': 'file 1\n' });
    agent = await TestAgent.start({ root: host.root, plugins: [{ plugin }] });
  });
  after(async () => {
    await agent?.stop();
    host.remove();
  });

  it('lists containers', async () => {
    const list = await agent.json<{ name: string }[]>(`${API}/containers`);
    assert.ok(list.some(({ name }) => name === '/shop'));
  });

  it('gives one container, or says that there is none', async () => {
    assert.deepEqual(await agent.json(`${API}/container/shop`), { name: '/shop', aliases: [], memory: 8192 });
    const { status, text } = await agent.get(`${API}/container/nobody`);
    assert.deepEqual([status, text.trim()], [404, 'unknown container "/nobody"']);
  });
});
