import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { deliverOnce, HttpTarget, SimulatedHost, TestAgent, testContext } from 'tallyman/testing';
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

  const deliverTo = (path: string) => {
    const context = testContext({ agent: agent.view });
    const options = plugin.configSchema.parse({ url: `${receiver.url}${path}` });
    return deliverOnce(plugin.create(context, options), context, AbortSignal.timeout(30_000));
  };

  it('sends the latest sample of each container', async () => {
    await deliverTo('/lines');
    const lines = receiver.requests[0]!.body.trim().split('\n');
    const shop = lines.map((line) => JSON.parse(line)).find(({ id }) => id === '/shop');
    assert.equal(shop.metrics.container_memory_usage_bytes, 8192);
  });

  it('says when the lines were not taken', async () => {
    await assert.rejects(deliverTo('/busy'), /answers 503/);
  });
});
