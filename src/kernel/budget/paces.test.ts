import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loggerTo } from '../../../test/support/loggers.js';
import { sampledContainer, sinkBench } from '../../../test/support/sink-bench.js';
import type { Clock } from '../contracts/index.js';
import type { Housekeeper } from '../housekeeping/index.js';
import { DescriptorBudget } from '../linux/index.js';
import { type Pace, PluginRecord, TimerSet } from '../supervision/index.js';
import { BudgetKeeper } from './keeper.js';
import { PaceReduction } from './reductions.js';

const SECOND_US = 1_000_000;
const INTERVAL_MS = 5_000;

/** Sinks of these costs, whose intervals are 10 s unless they say something else. */
function sinksOf(all: Record<string, { cost: number } & Partial<Pace>>) {
  const sinks = Object.entries(all).map(([id, { cost, ...pace }]) => {
    return { id, cost, pace: { stretch: 1, intervalMs: 10_000, isCheaperWhenStretched: true, ...pace } };
  });
  const find = (id: string) => sinks.find((sink) => sink.id === id)!;
  const reduction = new PaceReduction({
    all: () => sinks,
    costOf: (id) => find(id).cost,
    scaleCost: (id, factor) => {
      find(id).cost *= factor;
    },
  });
  return { reduction, stretches: () => sinks.map(({ pace }) => pace.stretch) };
}

describe('stretched sinks', () => {
  it('are the most expensive ones, as few as needed', () => {
    const { reduction, stretches } = sinksOf({ a: { cost: 4 }, b: { cost: 20 }, c: { cost: 0.1 } });
    assert.equal(reduction.giveUp(10), 10);
    assert.deepEqual(stretches(), [1, 2, 1]);
    assert.deepEqual(reduction.state, { ids: ['b'], intervalMs: 20_000 });
  });

  it('are left alone where that saves next to nothing', () => {
    const { reduction, stretches } = sinksOf({ a: { cost: 1 }, b: { cost: 50, isCheaperWhenStretched: false } });
    assert.equal(reduction.giveUp(100), 0);
    assert.equal(reduction.dominant.giveUp(1.5), 0.5);
    assert.deepEqual(stretches(), [2, 1]);
  });

  it('send every two minutes at least', () => {
    const { reduction, stretches } = sinksOf({
      a: { cost: 1000, intervalMs: 30_000 },
      b: { cost: 900, intervalMs: 100 },
    });
    reduction.giveUp(2_000);
    assert.equal(reduction.giveUp(2_000), 0);
    assert.deepEqual(stretches(), [4, 16]);
  });

  it('are taken back within the room, the cheapest first', () => {
    const { reduction, stretches } = sinksOf({ a: { cost: 3, stretch: 2 }, b: { cost: 8, stretch: 4 } });
    assert.equal(reduction.takeBack(5), 3);
    assert.deepEqual(stretches(), [1, 4]);
    reduction.takeBack(Number.POSITIVE_INFINITY);
    assert.deepEqual(stretches(), [1, 1]);
    assert.equal(reduction.isActive, false);
  });
});

/** The keeper of a budget of 3 % of a CPU for an agent with nothing but this plugin. */
function keeperOf(
  record: PluginRecord,
  { clock, cpuMs, lines }: { clock: Clock; cpuMs: () => number; lines: string[] },
) {
  const housekeeper = {
    monitored: () => [],
    size: 0,
    historyBytes: 0,
    intervalOf: (stretch: number) => stretch * 1000,
  };
  return new BudgetKeeper(
    { cgroupLimits: false, cpu: 0.03 },
    {
      clock,
      logger: loggerTo(lines),
      process: { cpuMs, memory: () => 0, cgroup: () => ({ pressure: {} }) },
      housekeeper: housekeeper as unknown as Housekeeper,
      supervisor: { all: () => [record] },
      plugins: { of: () => [] },
      descriptors: new DescriptorBudget(10_000),
      onChange: () => {},
    },
  );
}

describe('a sink that takes more CPU time than the budget allows', () => {
  it('takes samples less often, which is said once and taken back', async () => {
    const use = { cpuMs: 0, perSampleMs: 360 };
    const record = new PluginRecord('burner', 'burner', 'burner', 'ignore');
    const bench = sinkBench(
      { interval: `${INTERVAL_MS}ms` },
      {
        encode(sample, out) {
          use.cpuMs += use.perSampleMs;
          record.busyMs += use.perSampleMs;
          out.text(`${sample.container.name}\n`);
          return 1;
        },
      },
    );
    const { delivery, clock, show, round, sent } = bench;
    record.pace = delivery;
    record.delivery = () => delivery.status();
    const lines: string[] = [];
    const keeper = keeperOf(record, { clock, cpuMs: () => use.cpuMs, lines });
    const pass = async (intervals: number) => {
      const before = sent.length;
      for (let i = 0; i < intervals; i++) {
        const [sample] = sampledContainer('/a', [1, 1]).samples!;
        show({ name: '/a', samples: [{ ...sample!, time: clock.milliseconds * 1000 + SECOND_US }] });
        await round(INTERVAL_MS);
        keeper.check();
      }
      return sent.length - before;
    };
    await delivery.start();
    await pass(24);
    assert.equal(record.status().sink!.stretch, 4);
    assert.equal(record.status().sink!.intervalMs, 4 * INTERVAL_MS);
    assert.equal(await pass(24), 6);
    assert.deepEqual(lines, [
      'to keep within its CPU budget the agent does less: burner: samples are sent less often, down to every 20 s',
    ]);
    assert.equal(keeper.findings()[0]?.id, 'budget-sinks');
    use.perSampleMs = 5;
    await pass(72);
    assert.equal(record.status().sink!.stretch, 1);
    assert.match(lines.at(-1)!, /^no longer needed to keep within the budget: burner/);
    assert.deepEqual(keeper.findings(), []);
    await delivery.finish(1_000);
  });
});

describe('a handler that takes more CPU time than the budget allows', () => {
  it('looks for changes less often, which is said once per change and taken back', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const time = { now: 0 };
    const use = { cpuMs: 0, perCheckMs: 160 };
    const clock = { now: () => time.now * 1000, monotonic: () => time.now };
    const record = new PluginRecord('engine', 'engine', 'engine', 'ignore');
    record.kind = 'container-handler';
    const timers = new TimerSet(async (callback) => callback());
    record.timerPace = timers;
    let checks = 0;
    timers.every(2_000, () => {
      checks++;
      use.cpuMs += use.perCheckMs;
      record.busyMs += use.perCheckMs;
    });
    const lines: string[] = [];
    const keeper = keeperOf(record, { clock, cpuMs: () => use.cpuMs, lines });
    const pass = async (seconds: number) => {
      const before = checks;
      for (let i = 0; i < seconds; i++) {
        time.now += 1_000;
        t.mock.timers.tick(1_000);
        await new Promise((resolve) => process.nextTick(resolve));
        if (i % 5 === 0) keeper.check();
      }
      return checks - before;
    };
    await pass(300);
    assert.equal(timers.stretch, 4);
    assert.equal(await pass(80), 10);
    const text =
      'to keep within its CPU budget the agent does less: engine: changes are looked for less often, down to every';
    assert.equal(lines.at(-1), `${text} 8 s`);
    assert.deepEqual(
      lines,
      [...new Set(lines)].filter((line) => line.startsWith(text)),
    );
    assert.equal(keeper.findings()[0]?.id, 'budget-handlers');
    use.perCheckMs = 2;
    await pass(600);
    assert.equal(timers.stretch, 1);
    assert.match(lines.at(-1)!, /^no longer needed to keep within the budget: engine/);
    timers.stop();
  });
});
