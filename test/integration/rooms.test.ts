import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Agent } from '../../src/kernel/agent.js';
import { CONFIG } from '../../src/kernel/config/index.js';
import { CLOCK, LoggerSource } from '../../src/kernel/log/index.js';
import { ROOMS } from '../../src/kernel/rooms.js';
import { testConfig } from '../../src/testing/agent-config.js';
import { until } from '../../src/testing/clock.js';
import { SimulatedHost } from '../../src/testing/simulated-host.js';
import { projectRoot } from '../project.js';
import { madeUpModule, NOTES } from '../support/made-up-room/module.js';

const logs = new LoggerSource({ level: 'silent', format: 'json' }, { write: () => true });

describe('a room that is added by its folder and one line in the list', () => {
  let host: SimulatedHost;
  let agent: Agent;
  let notes: string[];
  const reported = () => notes.splice(0);

  before(async () => {
    host = new SimulatedHost(2);
    const { config, builtins } = await testConfig({
      root: host.root,
      builtins: ['cpu', 'raw'],
      config: { discovery: { rescanInterval: '1s' } },
    });
    const rooms = [madeUpModule, ...ROOMS];
    agent = new Agent({ config, version: '0.0.0-test', builtins, pluginDirectory: '/', logs, rooms });
    notes = agent.get(NOTES);
  });
  after(async () => {
    await agent.stop();
    host.remove();
  });

  it('is started after what it needs', async () => {
    await agent.start();
    assert.deepEqual(reported(), [
      '+cpu',
      '+raw',
      'added /',
      'sees 1 source',
      'started when 1 address and 1 container',
    ]);
  });

  it('is notified of added and removed containers', async () => {
    host.write({ 'sys/fs/cgroup/a/': '' });
    await until(
      () => notes.includes('added /a'),
      () => notes.join(),
    );
    host.removeCgroup('/a');
    await until(
      () => notes.length > 1,
      () => notes.join(),
    );
    assert.deepEqual(reported(), ['added /a', 'removed /a, which was number 2']);
  });

  it('is notified when its section of the configuration changes', async () => {
    const { config } = agent.get(CONFIG);
    const { events } = config;
    await agent.apply({ config: { ...config, log: { ...config.log, level: 'error' } }, directory: '/' });
    assert.deepEqual(reported(), []);
    await agent.apply({
      config: { ...config, events: { ...events, oom: { ...events.oom, count: 7 } } },
      directory: '/',
    });
    assert.deepEqual(reported(), ['oom events: 7']);
  });

  it('is stopped before what it needs', async () => {
    await agent.stop();
    assert.deepEqual(reported(), ['finishes', 'stops when 0 addresses', 'stops, and sees 1 source', '-raw', '-cpu']);
  });
});

describe('the agent of a test', () => {
  it('uses overrides instead of what the rooms provide', async () => {
    const { config, builtins } = await testConfig({ builtins: ['raw'] });
    const clock = { now: () => 42, monotonic: () => 0 };
    const override = {
      name: 'test',
      register: (registry: Parameters<typeof madeUpModule.register>[0]) => registry.provide(CLOCK, [], () => clock),
    };
    const options = { config, version: '0.0.0-test', builtins, pluginDirectory: '/', logs, overrides: [override] };
    assert.equal(new Agent(options).get(CLOCK), clock);
  });
});

describe('docs/architecture.md', () => {
  it('shows the rooms as they register themselves', async () => {
    const script = pathToFileURL(join(projectRoot, 'scripts/rooms-document.mjs')).href;
    const { renderRooms } = (await import(script)) as { renderRooms: (rooms: typeof ROOMS) => string };
    const text = readFileSync(join(projectRoot, 'docs/architecture.md'), 'utf8');
    assert.ok(text.includes(renderRooms(ROOMS)), 'docs/architecture.md is stale: run `npm run generate`');
  });
});
