import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { BudgetKeeper } from '../../src/kernel/budget/keeper.js';
import { Housekeeper } from '../../src/kernel/housekeeping/index.js';
import {
  createCgroupFiles,
  DescriptorBudget,
  detectHierarchies,
  resolveHostPaths,
} from '../../src/kernel/linux/index.js';
import { type ActivePlugin, PluginRecord, Supervisor } from '../../src/kernel/supervision/index.js';
import cpu from '../../src/plugins/metric-sources/cpu/index.js';
import memory from '../../src/plugins/metric-sources/memory/index.js';
import { AgentProcess } from '../support/agent-process.js';
import { containerNamed } from '../support/containers.js';
import { pluginContext } from '../support/handler-bench.js';
import { loggerTo } from '../support/loggers.js';
import { needs } from '../support/needs.js';
import { RAW } from '../support/probes.js';
import { RealCgroup } from '../support/real-cgroup.js';

const ARRIVALS = 300;

describe('an agent that uses more memory than its budget', () => {
  it('shortens its history, and says so in the log, in /metrics, on the pages and to the doctor', async () => {
    const agent = await AgentProcess.start('budget: { memory: 64MiB, cgroupLimits: false }\n');
    try {
      const [line] = await agent.said('to keep within its memory budget');
      assert.match(line!, /the history is 1\/\d of what is configured/);
      const text = await (await fetch(`${agent.url}/metrics`)).text();
      assert.match(text, /^tallyman_budget_limit\{resource="memory"\} 67108864$/m);
      assert.match(text, /^tallyman_budget_reduction\{reduction="history",resource="memory"\} 0\.\d+$/m);
      assert.match(
        text,
        /^tallyman_budget_reduction_since_timestamp_seconds\{reduction="history",resource="memory"\} 1/m,
      );
      const { findings } = await agent.until<{ findings: { id: string; what: string }[] }>(
        '/-/doctor',
        (answer) => answer.findings.some(({ id }) => id === 'budget-history'),
        'the finding',
      );
      assert.match(findings.find(({ id }) => id === 'budget-history')!.what, /since \d{4}-\d\d-\d\dT/);
      assert.match(
        await (await fetch(`${agent.url}/containers/`)).text(),
        /the history is 1\/\d of what is configured/,
      );
    } finally {
      await agent.stop();
    }
  });
});

describe(`${ARRIVALS} containers that arrive at once`, { skip: needs('cgroups') }, () => {
  const parent = new RealCgroup(`/tallyman-budget-${process.pid}`).create();
  const cgroups: RealCgroup[] = [];
  after(async () => {
    for (const cgroup of cgroups) await cgroup.remove();
    await parent.remove();
  });

  it('are all sampled, less often than those before, until there is room again', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate', 'setInterval'] });
    const time = { monotonic: 0 };
    // Each look at the clock takes time, so that samples do.
    const monotonic = () => {
      time.monotonic += 0.03;
      return time.monotonic;
    };
    const clock = { now: () => Math.round(1e15 + time.monotonic * 1000), monotonic };
    const lines: string[] = [];
    const logger = loggerTo(lines);
    const supervisor = new Supervisor(clock, logger);
    const options = {
      interval: 1000,
      maxInterval: 60_000,
      dynamic: false,
      jitter: 0,
      idleRefresh: 0,
      maxIdleRefresh: 0,
    };
    const housekeeper = new Housekeeper(
      { ...options, historyDurationMs: 60_000 },
      clock,
      logger,
      supervisor,
      { recheck() {} },
      { get: () => undefined },
    );
    const context = pluginContext();
    t.after(() => context.dispose());
    const sources = [cpu, memory].map((plugin): ActivePlugin<'metric-source'> => {
      const record = new PluginRecord(plugin.name, plugin.name, plugin.name, 'fail');
      record.state = 'running';
      supervisor.add(record);
      return {
        record,
        kind: 'metric-source',
        instance: plugin.create(context, plugin.configSchema.parse({}) as never),
      };
    });
    for (const source of sources) housekeeper.sourceAdded(source, sources);
    const hierarchies = detectHierarchies(resolveHostPaths());
    const descriptors = new DescriptorBudget(10_000);
    // A sample of these real cgroups costs 0.1 ms of a made-up CPU: 100 of them fit the budget in a second.
    const process = {
      cpuMs: () => housekeeper.sampler.taken * 0.1,
      memory: () => 0,
      cgroup: () => ({ pressure: {} }),
    };
    const keeper = new BudgetKeeper(
      { cpu: 0.01, cgroupLimits: false },
      {
        clock,
        logger,
        process,
        housekeeper,
        supervisor,
        plugins: { of: () => sources as never },
        descriptors,
        onChange() {},
      },
    );
    const pass = (seconds: number) => {
      for (let i = 0; i < seconds * 4; i++) {
        time.monotonic += 250;
        t.mock.timers.tick(250);
      }
    };
    const arrive = (count: number) =>
      Array.from({ length: count }, (_, i) => {
        const cgroup = new RealCgroup(`${parent.name}/${cgroups.length}-${i}`).create();
        cgroups.push(cgroup);
        const files = createCgroupFiles(hierarchies, cgroup.name, descriptors);
        const container = containerNamed(cgroup.name, { description: RAW, cgroup: files });
        housekeeper.added(container);
        return container;
      });
    housekeeper.start();
    keeper.start();
    t.after(() => {
      keeper.stop();
      housekeeper.stop();
    });
    const first = arrive(20);
    pass(120);
    assert.deepEqual(keeper.status().reductions, []);
    const later = arrive(ARRIVALS);
    pass(400);
    const { taken } = housekeeper.sampler;
    pass(60);
    const perSecond = (housekeeper.sampler.taken - taken) / 60;
    assert.ok(perSecond <= 100 && perSecond > 40, `${perSecond} samples per second of 100 allowed`);
    const ages = [...housekeeper.monitored()].map(({ ring }) => (clock.now() - ring.latestTime) / 1e6);
    assert.ok(Math.max(...ages) <= 60 && ages.length === 20 + ARRIVALS);
    for (const container of later) housekeeper.removed(container);
    pass(1200);
    assert.deepEqual(keeper.status().reductions, []);
    assert.ok([...housekeeper.monitored()].every(({ stretch }) => stretch === 1));
    for (const container of first) housekeeper.removed(container);
    assert.equal(descriptors.kept, 0);
    assert.ok(lines.length <= 8, lines.join('\n'));
  });
});
