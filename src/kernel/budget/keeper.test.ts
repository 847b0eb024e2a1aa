import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { containerNamed } from '../../../test/support/containers.js';
import { columns, FIELD } from '../../../test/support/housekeeping-bench.js';
import { loggerTo } from '../../../test/support/loggers.js';
import type { Container } from '../containers/index.js';
import type { MetricSource, SamplePart } from '../contracts/index.js';
import { Housekeeper, SAMPLING } from '../housekeeping/index.js';
import { DescriptorBudget } from '../linux/index.js';
import { type ActivePlugin, PluginRecord, Supervisor } from '../supervision/index.js';
import { BudgetKeeper, type BudgetOptions } from './keeper.js';
import type { OwnCgroup } from './own-cgroup.js';

const MIB = 2 ** 20;

/** CPU time that one sample of one container takes by source, ms. */
type Costs = Record<string, number>;

/** An agent whose CPU time and memory are made up, and whose clock the test advances. */
function simulation(t: TestContext, options: Partial<BudgetOptions>, costs: Costs, count = 40) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate', 'setInterval'] });
  const time = { now: 1e15, monotonic: 0 };
  const use = { cpuMs: 0, otherMemory: 60 * MIB, cgroup: { pressure: {} } as OwnCgroup };
  const clock = { now: () => time.now, monotonic: () => time.monotonic };
  const lines: string[] = [];
  const logger = loggerTo(lines);
  const supervisor = new Supervisor(clock, logger);
  const housekeeper = new Housekeeper(
    {
      interval: 1000,
      maxInterval: 60_000,
      dynamic: true,
      jitter: 0,
      idleRefresh: 0,
      maxIdleRefresh: 0,
      historyDurationMs: 120_000,
    },
    clock,
    logger,
    supervisor,
    { recheck: () => {} },
    { get: () => undefined },
  );
  const burn = (ms: number) => {
    time.now += ms * 1000;
    time.monotonic += ms;
    use.cpuMs += ms;
  };
  let value = 0;
  const sources = Object.keys(costs).map((id): ActivePlugin<'metric-source'> => {
    const record = new PluginRecord(id, id, id, 'ignore');
    record.state = 'running';
    record.isTimedAlways = true;
    supervisor.add(record);
    const instance: MetricSource = {
      fields: [FIELD],
      part: (id === 'cpu' ? 'cpu' : 'other') as SamplePart,
      attach: () => ({
        columns: columns('a', 'b', 'c', 'd'),
        sample(row) {
          burn(costs[id]!);
          for (let i = 0; i < 4; i++) row.set(i, value++);
          return 'ok';
        },
        close() {},
      }),
    };
    return { record, kind: 'metric-source', instance };
  });
  for (const source of sources) housekeeper.sourceAdded(source, sources);
  const containers: Container[] = [];
  const add = (more: number) => {
    for (let i = 0; i < more; i++) {
      const container = containerNamed(`/c${containers.length}`);
      containers.push(container);
      housekeeper.added(container);
    }
  };
  add(count);
  let examined = 0;
  const descriptors = new DescriptorBudget(10_000);
  const keeper = new BudgetKeeper(
    { cgroupLimits: true, ...options },
    {
      clock,
      logger,
      process: {
        cpuMs: () => use.cpuMs,
        memory: () => use.otherMemory + housekeeper.historyBytes,
        cgroup: () => use.cgroup,
      },
      housekeeper,
      supervisor,
      plugins: { of: () => sources as never },
      descriptors,
      onChange: () => {
        examined++;
      },
    },
  );
  housekeeper.start();
  keeper.start();
  t.after(() => {
    keeper.stop();
    housekeeper.stop();
  });
  /** Passes the time in steps of the timers; calls `each` once a second. */
  const pass = (seconds: number, each: (second: number) => void = () => {}) => {
    for (let second = 0; second < seconds; second++) {
      each(second);
      for (let i = 0; i < 4; i++) {
        time.now += 250_000;
        time.monotonic += 250;
        t.mock.timers.tick(250);
      }
    }
  };
  /** ms of CPU time per second in the seconds that pass. */
  const load = (seconds: number, each?: (second: number) => void) => {
    const [before, from] = [use.cpuMs, time.monotonic];
    pass(seconds, each);
    return ((use.cpuMs - before) / (time.monotonic - from)) * 1000;
  };
  const kinds = () => keeper.status().reductions.map(({ kind }) => kind);
  const stretches = () => containers.map((container) => container.get(SAMPLING)!.stretch);
  const examinations = () => examined;
  return {
    keeper,
    housekeeper,
    containers,
    costs,
    use,
    time,
    lines,
    burn,
    add,
    pass,
    load,
    kinds,
    stretches,
    descriptors,
    examinations,
  };
}

describe('the budget of CPU time', () => {
  it('changes nothing while the agent keeps within it', (t) => {
    const { pass, kinds, lines, stretches } = simulation(t, { cpu: 0.1 }, { cpu: 1 });
    pass(600);
    assert.deepEqual(kinds(), []);
    assert.deepEqual(lines, []);
    assert.ok(stretches().every((stretch) => stretch === 1));
  });

  it('is kept by longer intervals, and said once', (t) => {
    const { pass, load, kinds, lines, keeper, examinations } = simulation(t, { cpu: 0.02 }, { cpu: 1 });
    pass(300);
    assert.deepEqual(kinds(), ['intervals']);
    const used = load(60);
    assert.ok(used <= 20 && used > 10, `${used} ms/s of 20`);
    assert.match(
      lines[0]!,
      /^to keep within its CPU budget the agent does less: \d+ of 40 containers are sampled less often/,
    );
    assert.ok(lines.length <= 3, lines.join('\n'));
    assert.ok(examinations() >= 1);
    const [reduction] = keeper.status().reductions;
    assert.ok(reduction!.since > 1e15);
    assert.match(keeper.findings()[0]!.what, /containers are sampled less often/);
  });

  it('does not swing over an hour of a changing load', (t) => {
    const { costs, load, keeper, add, burn } = simulation(t, { cpu: 0.02 }, { cpu: 0.5, other: 0.1 });
    const minutes: number[] = [];
    const changes: number[] = [];
    for (let minute = 0; minute < 60; minute++) {
      // A slow wave, noise, containers that arrive, and a quarter of an hour of bulk queries.
      costs.cpu = 0.5 + 0.3 * Math.sin((minute / 60) * 2 * Math.PI) + 0.1 * Math.random();
      if (minute === 20) add(20);
      const queryMs = minute >= 35 && minute < 50 ? 4 : 0;
      const before = keeper.status().changes;
      minutes.push(load(60, () => burn(queryMs)));
      changes.push(keeper.status().changes - before);
    }
    const total = changes.reduce((sum, each) => sum + each, 0);
    assert.ok(total <= 20, `${total} changes in an hour: ${changes.join(' ')}`);
    const over = minutes.slice(5).filter((used) => used > 20 * 1.1).length;
    assert.ok(over <= 3, `${over} minutes over the budget: ${minutes.map(Math.round).join(' ')}`);
    assert.ok(
      minutes.slice(5).every((used) => used > 7),
      `uses what it may: ${minutes.map(Math.round).join(' ')}`,
    );
  });

  it('is kept when 5,000 containers arrive at once, of which each is sampled', (t) => {
    const limits = { cpu: 0.05, memory: 96 * MIB };
    const { pass, load, add, containers, housekeeper, keeper, kinds, use } = simulation(t, limits, { cpu: 0.05 });
    pass(60);
    assert.deepEqual(kinds(), []);
    add(5_000);
    pass(120);
    assert.ok(containers.every((container) => container.get(SAMPLING)!.ring.length > 0));
    assert.ok(kinds().includes('intervals'), kinds().join());
    const changes = keeper.status().changes;
    const used = load(300);
    assert.ok(used <= 50 && used > 20, `${used} ms/s of 50`);
    assert.ok(keeper.status().changes - changes <= 10, `${keeper.status().changes - changes} changes in five minutes`);
    const memory = use.otherMemory + housekeeper.historyBytes;
    assert.ok(memory <= limits.memory, `${memory / MIB} MiB`);
    for (const container of containers.slice(40)) housekeeper.removed(container);
    pass(900);
    assert.deepEqual(kinds(), []);
    assert.ok(containers.slice(0, 40).every((container) => container.get(SAMPLING)!.stretch === 1));
  });

  it('settles under a constant load', (t) => {
    const { pass, keeper } = simulation(t, { cpu: 0.02 }, { cpu: 1, other: 0.5 });
    pass(600);
    const { changes } = keeper.status();
    pass(3000);
    assert.ok(keeper.status().changes - changes <= 2, `${keeper.status().changes - changes} further changes`);
  });

  it('is taken back when the load is gone', (t) => {
    const { pass, costs, kinds, lines, stretches } = simulation(t, { cpu: 0.02 }, { cpu: 1 });
    pass(300);
    costs.cpu = 0.05;
    pass(900);
    assert.deepEqual(kinds(), []);
    assert.ok(stretches().every((stretch) => stretch === 1));
    assert.match(lines.at(-1)!, /^no longer needed to keep within the budget/);
  });

  it('leaves out a made-up plugin that burns most of it, and nothing else', (t) => {
    const { pass, kinds, load, keeper, containers, stretches } = simulation(t, { cpu: 0.05 }, { cpu: 0.2, burner: 5 });
    pass(120);
    assert.deepEqual(kinds(), ['sets']);
    assert.match(keeper.status().reductions[0]!.text, /^the metrics of burner are left out$/);
    assert.ok(stretches().every((stretch) => stretch === 1));
    assert.ok(load(60) < 50);
    const { absences } = containers[0]!.get(SAMPLING)!;
    assert.deepEqual(absences, [{ what: 'burner', reason: 'left out to keep within the cpu budget', expected: false }]);
  });

  it('samples a container that a client asks for more often than the others', (t) => {
    const { pass, containers, stretches } = simulation(t, { cpu: 0.01 }, { cpu: 1 });
    pass(600, () => {
      containers[3]!.get(SAMPLING)!.isRequested = true;
    });
    const [watched] = stretches().splice(3, 1);
    assert.ok(watched! <= Math.min(...stretches()), `${watched} among ${stretches().join(' ')}`);
    assert.ok(Math.max(...stretches()) >= 4);
  });

  it('is that of the cgroup when the configuration has none', (t) => {
    const { pass, use, kinds, keeper } = simulation(t, {}, { cpu: 1 });
    pass(200);
    assert.deepEqual(kinds(), []);
    use.cgroup = { cpu: 0.02, pressure: {} };
    pass(300);
    assert.deepEqual(kinds(), ['intervals']);
    assert.equal(keeper.status().resources[0]!.limit.toFixed(3), '0.018');
    use.cgroup = { pressure: {} };
    pass(10);
    assert.deepEqual(kinds(), []);
  });

  it('gives up something when the kernel makes the agent wait, before the number says so', (t) => {
    const { pass, use, kinds } = simulation(t, {}, { cpu: 1 });
    use.cgroup = { cpu: 0.07, pressure: { cpu: 0.5 } };
    pass(120);
    assert.deepEqual(kinds(), ['intervals']);
  });

  it('is given back at once when the configuration no longer has one', (t) => {
    const { pass, keeper, stretches, kinds } = simulation(t, { cpu: 0.02 }, { cpu: 1, burner: 5 });
    pass(300);
    keeper.reconfigure({ cgroupLimits: true });
    assert.deepEqual(kinds(), []);
    assert.ok(stretches().every((stretch) => stretch === 1));
  });

  it('says that it is exceeded when nothing is left to give up', (t) => {
    const { pass, keeper, burn } = simulation(t, { cpu: 0.02 }, { cpu: 0.01 }, 2);
    pass(300, () => burn(100));
    const { resources } = keeper.status();
    assert.equal(resources[0]!.isExceeded, true);
    assert.match(keeper.findings()[0]!.what, /uses \d+\.?\d* % where its CPU budget is 2 %/);
    pass(120);
    assert.equal(keeper.status().resources[0]!.isExceeded, false);
  });
});

describe('the budget of memory', () => {
  it('is kept by a shorter history', (t) => {
    const { pass, use, kinds, housekeeper, keeper } = simulation(t, { memory: 128 * MIB }, { cpu: 0 });
    pass(180);
    const full = housekeeper.historyBytes;
    assert.deepEqual(kinds(), []);
    use.otherMemory = 119 * MIB - full;
    pass(10);
    assert.deepEqual(kinds(), ['history']);
    pass(120);
    assert.ok(housekeeper.historyBytes < full, `${housekeeper.historyBytes} of ${full}`);
    assert.match(keeper.findings()[0]!.what, /the history is 1\/\d of what is configured/);
  });

  it('says that a plugin leaks more than can be given up, and gives back nothing meanwhile', (t) => {
    const { pass, use, keeper, kinds } = simulation(t, { memory: 128 * MIB }, { cpu: 0 });
    pass(1200, () => {
      use.otherMemory += 0.1 * MIB;
    });
    assert.deepEqual(kinds(), ['history']);
    assert.equal(keeper.status().resources[0]!.isExceeded, true);
    assert.equal(keeper.findings()[0]!.id, 'budget-memory-exceeded');
  });

  it('is taken back long after the memory is free again', (t) => {
    const { pass, use, kinds } = simulation(t, { memory: 128 * MIB }, { cpu: 0 });
    use.otherMemory = 120 * MIB;
    pass(60);
    assert.deepEqual(kinds(), ['history']);
    use.otherMemory = 60 * MIB;
    pass(120);
    assert.deepEqual(kinds(), ['history']);
    pass(1500);
    assert.deepEqual(kinds(), []);
  });

  it('is that of the cgroup, whose memory counts other processes too', (t) => {
    const { pass, use, kinds } = simulation(t, {}, { cpu: 0 });
    use.cgroup = { memory: 200 * MIB, memoryUsed: 180 * MIB, pressure: {} };
    pass(60);
    assert.deepEqual(kinds(), ['history']);
  });
});

describe('the budget of descriptors', () => {
  it('limits how many files are kept open, less a reserve', (t) => {
    const { descriptors, keeper } = simulation(t, { descriptors: 1000 }, { cpu: 0 });
    assert.equal(descriptors.use().limit, 1000 - 256);
    keeper.reconfigure({ cgroupLimits: true });
    assert.equal(descriptors.use().limit, 10_000);
  });

  it('says that files are opened for each read', (t) => {
    const { descriptors, pass, keeper } = simulation(t, { descriptors: 1000 }, { cpu: 0 });
    descriptors.reopened = 7;
    pass(5);
    assert.deepEqual(keeper.status().reductions[0], {
      kind: 'descriptors',
      resource: 'descriptors',
      text: 'cgroup files are opened anew for each read',
      amount: 7,
      since: keeper.status().reductions[0]!.since,
    });
  });
});
