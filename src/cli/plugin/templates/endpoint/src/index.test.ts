import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SimulatedHost, TestAgent } from 'tallyman/testing';
import plugin from './index.js';

describe('the endpoint', () => {
  const host = new SimulatedHost();
  let agent: TestAgent;
  before(async () => {
    for (const [name, bytes] of Object.entries({ '/small': 4096, '/large': 8192 })) {
      host.writeCgroup(name, 'memory', {
        'cgroup.procs': '',
        'memory.current': `${bytes}\n`,
        'memory.stat': 'file 1\n',
      });
    }
    agent = await TestAgent.start({ root: host.root, plugins: [{ plugin }] });
  });
  after(async () => {
    await agent?.stop();
    host.remove();
  });

  it('shows the largest first, and as many as are asked for', async () => {
    assert.equal((await agent.get('/template-name?count=1')).text, '8192 /large\n');
    assert.match((await agent.get('/template-name')).text, /^8192 \/large\n4096 \/small\n/);
  });

  it('says what is wrong with a request', async () => {
    const { status, text } = await agent.get('/template-name?count=many');
    assert.deepEqual([status, text.trim()], [400, 'count is a number, not "many"']);
  });
});
