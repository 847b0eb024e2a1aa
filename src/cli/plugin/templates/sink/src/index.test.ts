import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { HttpTarget, SimulatedHost, TestAgent, testContext } from 'tallyman/testing';
import plugin from './index.js';

describe('the sink', () => {
  const host = new SimulatedHost();
  let agent: TestAgent;
  let receiver: HttpTarget;
  before(async () => {
    host.writeCgroup('/shop', 'memory', { 'cgroup.procs': '', 'memory.current': '8192\n', 'memory.stat': 'file 1\n' });
    agent = await TestAgent.start({ root: host.root });
    receiver = await HttpTarget.start({ '/lines': '', '/busy': { status: 503 } });
  });
  after(async () => {
    await receiver?.stop();
    await agent?.stop();
    host.remove();
  });

  const sinkTo = (path: string) =>
    plugin.create(testContext({ agent: agent.view }), { url: `${receiver.url}${path}`, interval: 10_000 });

  it('sends the latest sample of each container', async () => {
    await sinkTo('/lines').push(AbortSignal.timeout(5_000));
    const lines = receiver.requests[0]!.body.trim().split('\n');
    const shop = lines.map((line) => JSON.parse(line)).find(({ container }) => container === '/shop');
    assert.equal(shop['memory.usage'], 8192);
  });

  it('says when the lines were not taken', async () => {
    await assert.rejects(sinkTo('/busy').push(AbortSignal.timeout(5_000)), /answers 503/);
  });
});
