import assert from 'node:assert/strict';
import { it } from 'node:test';
import { HandlerBench, SimulatedHost, TestAgent, testContext } from 'tallyman/testing';
import plugin from './index.js';

const options = plugin.configSchema.parse({});

it('names what its globs name, and passes the rest on', () => {
  const bench = new HandlerBench(plugin.create(testContext(), options));
  bench.watch('/system.slice/cron.service');
  assert.deepEqual(bench.description('/system.slice/cron.service')?.aliases, ['cron']);
  assert.deepEqual(bench.watch('/user.slice'), { verdict: 'pass' });
});

it('is asked before raw, so that its names are seen', async () => {
  const host = new SimulatedHost();
  host.writeCgroup('/system.slice/cron.service', 'memory', { 'cgroup.procs': '' });
  const agent = await TestAgent.start({ root: host.root, plugins: [{ plugin }] });
  try {
    const named = agent.view.containersOf('template-name').map(({ name }) => name);
    assert.deepEqual(named, ['/system.slice/cron.service']);
  } finally {
    await agent.stop();
    host.remove();
  }
});
