import type { TestContext } from 'node:test';
import type { Column, MetricSource, Probe, SampleCursor, SampleOutcome } from '../../src/kernel/contracts/index.js';
import { Housekeeper, type HousekeepingOptions } from '../../src/kernel/housekeeping/housekeeper.js';
import { SAMPLING, type SourcePlugin } from '../../src/kernel/housekeeping/monitored-container.js';
import { PluginRecord } from '../../src/kernel/supervision/record.js';
import { Supervisor } from '../../src/kernel/supervision/supervisor.js';
import { containerNamed } from './containers.js';
import { loggerTo } from './loggers.js';

export const FIELD = {
  name: 'cpu.usage.total',
  unit: 'count',
  kind: 'counter',
  help: '',
  source: {},
  role: 'cpu-time',
} as const;
export const columns = (...labels: string[]): Column[] => labels.map((label) => ({ field: FIELD, labels: [label] }));

/** A probe whose numbers and outcome the test decides. */
export class FakeProbe implements Probe {
  columns = columns('a');
  skipWhenIdle = true;
  value = 1;
  reads = 0;
  closed = 0;
  next: SampleOutcome | Error = 'ok';
  sign: number | undefined = 1;

  sample(row: { set(column: number, value: number): void }): SampleOutcome {
    this.reads++;
    const outcome = this.next;
    this.next = 'ok';
    if (outcome instanceof Error) throw outcome;
    if (outcome === 'ok') for (let i = 0; i < this.columns.length; i++) row.set(i, this.value + i);
    return outcome;
  }

  activity(): number {
    return this.sign ?? Number.NaN;
  }

  close(): void {
    this.closed++;
  }
}

/** A housekeeper of the container `/x` with these probes. It takes a sample when it is asked to. */
export function housekeepingBench(
  probes: Record<string, Probe | 'absent'>,
  options: Partial<HousekeepingOptions> = {},
  refusals?: () => number,
) {
  const time = { now: 1_000_000_000, monotonic: 0 };
  const clock = { now: () => time.now, monotonic: () => time.monotonic };
  const lines: string[] = [];
  const logger = loggerTo(lines);
  const supervisor = new Supervisor(clock, logger);
  const ended: string[] = [];
  const kills: [string, number][] = [];
  const housekeeper = new Housekeeper(
    {
      interval: 1000,
      maxInterval: 60_000,
      dynamic: true,
      jitter: 0,
      idleRefresh: 10_000,
      maxIdleRefresh: 60_000,
      historyDurationMs: 120_000,
      ...options,
    },
    clock,
    logger,
    supervisor,
    { recheck: (name) => void ended.push(name) },
    { get: () => undefined },
    refusals,
  );
  housekeeper.onOomKills(({ name }, count) => void kills.push([name, count]));
  const sources: SourcePlugin[] = Object.entries(probes).map(([id, probe]) => {
    const record = new PluginRecord(id, id, id, 'ignore');
    record.state = 'running';
    const attach = () => (probe === 'absent' ? { absent: 'no such file' } : probe);
    const instance: MetricSource = { fields: [FIELD], part: 'cpu', attach };
    return { record, kind: 'metric-source', instance };
  });
  for (const source of sources) housekeeper.sourceAdded(source, sources);
  const record = containerNamed('/x');
  housekeeper.added(record);
  const container = record.get(SAMPLING)!;
  const sample = async (after = 1000) => {
    time.now += after * 1000;
    time.monotonic += after;
    await housekeeper.refresh([record], 0);
  };
  const rows = () => {
    const window = container.ring.window();
    const cursor = {} as SampleCursor;
    return Array.from({ length: window.length }, (_, i) => {
      const { values, base, layout } = window.at(i, cursor);
      return [...values.subarray(base, base + layout.columns.length)];
    });
  };
  return { housekeeper, record, container, sample, rows, ended, kills, lines, sources, time };
}

/** One that takes its samples by itself, one a second, while time passes; one has been taken. */
export function samplingBench(
  probes: Record<string, Probe | 'absent'>,
  t: TestContext,
  options: Partial<HousekeepingOptions> = {},
  refusals?: () => number,
) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
  // In one of a thousand phases a sample is due right after each second that passes.
  t.mock.method(Math, 'random', () => 0.5);
  const made = housekeepingBench(probes, { dynamic: false, ...options }, refusals);
  const advance = (ms: number) => {
    made.time.now += ms * 1000;
    made.time.monotonic += ms;
    t.mock.timers.tick(ms);
  };
  made.housekeeper.start();
  advance(1);
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i++) advance(1000);
  };
  return { ...made, pass };
}
