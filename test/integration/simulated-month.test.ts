import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Container } from '../../src/kernel/containers/index.js';
import { type Column, EVENT_TYPES, type EventType, type SampleCursor } from '../../src/kernel/contracts/index.js';
import { EventStore } from '../../src/kernel/events/event-store.js';
import { Housekeeper } from '../../src/kernel/housekeeping/housekeeper.js';
import { SAMPLING, type SourcePlugin } from '../../src/kernel/housekeeping/monitored-container.js';
import { PluginRecord, Supervisor } from '../../src/kernel/supervision/index.js';
import { containerNamed } from '../support/containers.js';
import { FIELD } from '../support/housekeeping-bench.js';
import { loggerTo } from '../support/loggers.js';

const INTERVAL_MS = 30_000;
const HISTORY_MS = 600_000;
const HOUR_STEPS = 3_600_000 / INTERVAL_MS;
/** A summary's minute ends with the first sample that is more than a minute later, as cAdvisor's does. */
const STEPS_PER_MINUTE = 3;
const DAY_US = 86_400e6;
const MIB = 2 ** 20;
/** The start of a day, µs. */
const START_US = Date.UTC(2026, 0, 1) * 1000;
const RETENTION = { age: 3 * 86_400_000, count: 100 };
/** Far beyond what a double counts exactly. */
const LARGE_COUNTER = 2n ** 53n - 10n ** 12n;
const COLUMNS: Column[] = [
  { field: FIELD },
  { field: { ...FIELD, name: 'memory.working_set', kind: 'gauge', role: 'working-set' } },
  { field: { ...FIELD, name: 'oom.kills', role: 'oom-kills' } },
];

/** A made-up container: what the kernel would say of it. */
interface Made {
  readonly container: Container;
  /** Millicores besides ten more in each hour of the day. */
  readonly base: number;
  cpu: bigint;
  kills: number;
}

/** Housekeeping, histories, summaries and events on a clock that the test advances. */
class Simulation {
  readonly time = { now: START_US, monotonic: 0 };
  readonly made = new Map<string, Made>();
  readonly events = new EventStore(() => RETENTION);
  readonly housekeeper: Housekeeper;
  steps = 0;

  constructor(private readonly t: TestContext) {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    const clock = { now: () => this.time.now, monotonic: () => this.time.monotonic };
    const logger = loggerTo([]);
    const options = {
      interval: INTERVAL_MS,
      maxInterval: INTERVAL_MS,
      dynamic: false,
      jitter: 0,
      idleRefresh: 0,
      maxIdleRefresh: 0,
      historyDurationMs: HISTORY_MS,
    };
    this.housekeeper = new Housekeeper(
      options,
      clock,
      logger,
      new Supervisor(clock, logger),
      { recheck() {} },
      { get: (name) => this.made.get(name)?.container },
    );
    const record = new PluginRecord('made', 'made', 'made', 'ignore');
    record.state = 'running';
    const source: SourcePlugin = {
      record,
      kind: 'metric-source',
      instance: { fields: COLUMNS.map(({ field }) => field), part: 'cpu', attach: ({ name }) => this.probeOf(name) },
    };
    this.housekeeper.sourceAdded(source, [source]);
    this.housekeeper.onOomKills(({ name }) => this.event('oomKill', name));
    this.housekeeper.start();
    t.after(() => this.housekeeper.stop());
  }

  add(name: string, base: number, cpu = 0n): void {
    const container = containerNamed(name);
    this.made.set(name, { container, base, cpu, kills: 0 });
    this.housekeeper.added(container);
    this.event('containerCreation', name);
  }

  remove(name: string): void {
    this.housekeeper.removed(this.made.get(name)!.container);
    this.made.delete(name);
    this.event('containerDeletion', name);
  }

  step(): void {
    for (const made of this.made.values()) made.cpu += BigInt(made.base + 10 * this.hour) * BigInt(INTERVAL_MS * 1000);
    this.time.now += INTERVAL_MS * 1000;
    this.time.monotonic += INTERVAL_MS;
    this.steps++;
    this.t.mock.timers.tick(INTERVAL_MS);
  }

  /** The hour of the day in which the present step began. */
  get hour(): number {
    return Math.floor(this.steps / HOUR_STEPS) % 24;
  }

  samplesOf(name: string) {
    const { ring, summarizer } = this.made.get(name)!.container.get(SAMPLING)!;
    const window = ring.window();
    const cursor = {} as SampleCursor;
    const times = Array.from({ length: window.length }, (_, i) => window.at(i, cursor).time);
    const { values, residuals, base } = window.at(window.length - 1, cursor);
    return { times, cpu: BigInt(values[base]!) + BigInt(residuals?.[base] ?? 0), summarizer };
  }

  eventsOf(type: EventType) {
    return this.events.query({ containerName: '/', below: true, types: new Set([type]), max: -1 });
  }

  private event(type: EventType, containerName: string): void {
    this.events.add({ type, containerName, time: this.time.now } as Parameters<EventStore['add']>[0]);
  }

  private probeOf(name: string) {
    const made = this.made.get(name)!;
    return {
      columns: COLUMNS,
      sample: (row: { setExact(i: number, value: number, residual: number): void }) => {
        const rounded = Number(made.cpu);
        row.setExact(0, rounded, Number(made.cpu - BigInt(rounded)));
        row.setExact(1, (made.base + this.hour) * MIB, 0);
        row.setExact(2, made.kills, 0);
        return 'ok' as const;
      },
      close() {},
    };
  }
}

function checkSamples(simulation: Simulation, name: string, sinceStep: number): void {
  const { times, cpu } = simulation.samplesOf(name);
  assert.equal(cpu, simulation.made.get(name)!.cpu, `${name} at step ${simulation.steps}: the newest CPU time`);
  assert.ok(times.length <= HISTORY_MS / INTERVAL_MS + 1, `${name}: ${times.length} samples are kept`);
  assert.ok(times.length >= Math.min(simulation.steps - sinceStep, HISTORY_MS / INTERVAL_MS), `${name}: samples lost`);
  for (let i = 1; i < times.length; i++) assert.equal(times[i]! - times[i - 1]!, INTERVAL_MS * 1000, `${name}: a gap`);
}

/** The mean of what containers use besides their base, in millicores, over the last minutes of a summary. */
function expectedMean({ steps }: Simulation, minutes: number): number {
  let sum = 0;
  const count = minutes * STEPS_PER_MINUTE;
  for (let step = steps - count; step < steps; step++) sum += 10 * (Math.floor(step / HOUR_STEPS) % 24);
  return sum / count;
}

function checkDay(simulation: Simulation, name: string): void {
  const { base } = simulation.made.get(name)!;
  const { day, hour } = simulation.samplesOf(name).summarizer.stats();
  assert.equal(day.percentComplete, 100);
  assert.equal(day.cpu.max, base + 230);
  const means = { day: base + expectedMean(simulation, 1440), hour: base + expectedMean(simulation, 60) };
  assert.ok(Math.abs(day.cpu.mean - means.day) <= 2, `${name}: a mean of ${day.cpu.mean}, not ${means.day}`);
  assert.ok(Math.abs(hour.cpu.mean - means.hour) <= 2, `${name}: a mean of ${hour.cpu.mean}, not ${means.hour}`);
  assert.equal(day.memory.max, (base + 23) * MIB);
}

describe('a simulated month of housekeeping', () => {
  it('loses no sample, keeps counters exact and summaries right, and holds no more at the end than after a day', (t) => {
    const simulation = new Simulation(t);
    const lasting = ['/a', '/b', '/c'];
    for (const [i, name] of lasting.entries()) simulation.add(name, 100 * (i + 1), i === 2 ? LARGE_COUNTER : 0n);
    let bytesAfterADay = 0;
    let keptSince = 0;
    /** The days on which the wall clock is set, by ms. */
    const steps = new Map([
      [10, -1_800_000],
      [20, 3_600_000],
    ]);
    for (let day = 1; day <= 30; day++) {
      for (let hour = 0; hour < 24; hour++) {
        simulation.add(`/short-${day}-${hour}`, 50);
        if (hour === 12) simulation.made.get('/a')!.kills++;
        for (let i = 0; i < HOUR_STEPS; i++) {
          if (i === HOUR_STEPS / 2) simulation.remove(`/short-${day}-${hour}`);
          simulation.step();
        }
        for (const name of lasting) checkSamples(simulation, name, keptSince);
        assert.equal(simulation.housekeeper.size, lasting.length);
      }
      for (const type of EVENT_TYPES) {
        const kept = simulation.eventsOf(type);
        assert.ok(kept.length <= RETENTION.count, `${kept.length} events of type ${type}`);
        for (const { time } of kept) assert.ok(time >= simulation.time.now - RETENTION.age * 1000 - 2 * DAY_US, type);
      }
      const wasSet = [...steps.keys()].some((each) => day === each || day === each + 1);
      if (day > 1 && !wasSet) for (const name of lasting) checkDay(simulation, name);
      if (day === 1) bytesAfterADay = simulation.housekeeper.historyBytes;
      const set = steps.get(day);
      if (set !== undefined) {
        simulation.time.now += set * 1000;
        keptSince = simulation.steps;
        // The samples from before the clock was set are dropped, or grow old.
        for (let i = 0; i < HISTORY_MS / INTERVAL_MS + 2; i++) simulation.step();
        for (let i = HISTORY_MS / INTERVAL_MS + 2; i < 24 * HOUR_STEPS; i++) simulation.step();
      }
    }
    assert.equal(simulation.housekeeper.missed, 0);
    assert.equal(simulation.eventsOf('oomKill').length > 0, true);
    assert.ok(simulation.housekeeper.historyBytes <= bytesAfterADay * 1.05);
    const { times } = simulation.samplesOf('/a').summarizer.minuteSeries(10_000);
    assert.equal(times.length, 1440);
    assert.ok(simulation.made.get('/c')!.cpu > 2n ** 53n);
  });
});
