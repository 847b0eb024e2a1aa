import { type AppSeriesNumbers, DETAIL_MEASURES, type DetailMeasure } from '../../../client/top/columns.js';
import {
  type AgentView,
  type Answer,
  type AppMetricsSnapshot,
  type ContainerAppMetrics,
  type ContainerEvent,
  type ContainerView,
  containerNamed,
  EVENT_TYPES,
  type SampleCursor,
} from '../../../kernel/contracts/index.js';
import { jsonAnswer, NO_STORE } from '../common/index.js';
import { Meter } from './measure.js';

const SAMPLES = 120;
const PROCESSES = 100;
const EVENTS = 50;
/** Series of an application that are answered, the first by name, and values of each, the newest. */
const APP_SERIES = 24;
const APP_VALUES = 120;
const CUMULATIVE = new Set(['cumulative', 'COUNTER', 'HISTOGRAM', 'SUMMARY']);
const ALL_TYPES = new Set(EVENT_TYPES);
const DAY_MINUTES = 1440;
const RANGES = { hour: 60, day: DAY_MINUTES } as const;

export const RANGE_NAMES = ['live', ...(Object.keys(RANGES) as (keyof typeof RANGES)[])] as const;

export interface DetailQuery {
  readonly range: (typeof RANGE_NAMES)[number];
  /** Samples, events and metrics after this time, µs since the epoch. */
  readonly since: number;
  /** Without processes and what cannot be measured, which are dear or do not change. */
  readonly seriesOnly: boolean;
}

/** The last samples, the processes and the events of one container, or its minutes. */
export async function detail(agent: AgentView, name: string, query: DetailQuery): Promise<Answer> {
  const container = containerNamed(agent, name);
  const answer = query.range === 'live' ? await liveDetail(agent, container, query) : minutes(agent, container, query);
  return jsonAnswer(answer, NO_STORE);
}

async function liveDetail(agent: AgentView, container: ContainerView, { since, seriesOnly }: DetailQuery) {
  const { name } = container;
  const intervalMs = agent.watch(name) ?? null;
  const series = { ...seriesOf(container, since), interval_ms: intervalMs };
  const events = eventsOf(agent, name, since);
  const metrics = { app_metrics: appSeriesOf(container.appMetrics, since) };
  // Those of the machine are in all its cgroups.
  if (seriesOnly)
    return { ...series, process_count: name === '/' ? null : processIds(agent, name).length, events, ...metrics };
  const pids = processIds(agent, name);
  const processes = await agent.host.processes(pids.slice(0, PROCESSES));
  return {
    ...series,
    processes: processes.map(({ pid, parent_pid, user, cmd, status, percent_cpu, rss, running_time }) => {
      return { pid, parent_pid, user, cmd, status, percent_cpu, rss, running_time };
    }),
    process_count: pids.length,
    events,
    ...metrics,
    missing: container.missing,
  };
}

/** Means and peaks of the minutes of the last hour or day. */
function minutes(agent: AgentView, container: ContainerView, { range, since }: DetailQuery) {
  const { times, cpu, memory } = container.minutes(range === 'hour' ? RANGES.hour : RANGES.day);
  const first = times.findIndex((time) => time > since);
  const from = first < 0 ? times.length : first;
  const numbers = (values: readonly number[], factor = 1) =>
    values.slice(from).map((value) => (Number.isFinite(value) ? value * factor : null));
  return {
    times: times.slice(from),
    cpu: numbers(cpu.mean, 1e-3),
    cpu_max: numbers(cpu.max, 1e-3),
    memory: numbers(memory.mean),
    memory_max: numbers(memory.max),
    events: eventsOf(agent, container.name, Math.max(since, times[0] ?? 0)),
  };
}

function eventsOf(agent: AgentView, name: string, since: number) {
  const below = name !== '/';
  const start = since > 0 ? { start: since + 1 } : {};
  const events = agent.events.query({ containerName: name, below, types: ALL_TYPES, max: EVENTS, ...start });
  return events.map((event) => ({ time: event.time, type: event.type, text: textOf(event) }));
}

function processIds(agent: AgentView, name: string): number[] {
  return agent.containersBelow(name).flatMap((container) => [...container.processIds()]);
}

/** The samples after a time, at most 120, as series. */
export function seriesOf(container: ContainerView, since = 0) {
  const window = container.samples({ count: SAMPLES });
  const meter = new Meter();
  const times: number[] = [];
  const series = Object.fromEntries(DETAIL_MEASURES.map((measure) => [measure, []])) as unknown as Record<
    DetailMeasure,
    (number | null)[]
  >;
  const cursor = {} as SampleCursor;
  let first = window.length;
  while (first > 0 && window.at(first - 1, cursor).time > since) first--;
  for (let i = first; i < window.length; i++) {
    meter.at(window, i);
    times.push(meter.time);
    for (const measure of DETAIL_MEASURES) {
      const value = meter.value(measure);
      series[measure].push(Number.isFinite(value) ? value : null);
    }
  }
  return { times, ...series };
}

function textOf({ type, oom, exitCode }: ContainerEvent): string {
  if (oom !== undefined) return `${oom.processName} (pid ${oom.pid})`;
  return type === 'containerDeletion' && exitCode !== undefined && exitCode >= 0 ? `exit code ${exitCode}` : '';
}

/** What the application in a container said of itself after a time, µs since the epoch. */
function appSeriesOf(metrics: ContainerAppMetrics | undefined, since: number): AppSeriesNumbers[] {
  if (metrics === undefined) return [];
  const specs = new Map(metrics.specs.map((spec) => [spec.name, spec]));
  const found: AppSeriesNumbers[] = [];
  for (const all of metrics.history()) {
    const newest = all.at(-1);
    const snapshots = all.slice(-APP_VALUES).filter(({ time }) => time > since);
    for (const [index, { name, labels }] of (newest?.series ?? []).entries()) {
      if (found.length === APP_SERIES) return found;
      // A family of a histogram has series of other names.
      const spec = specs.get(name) ?? specs.get(name.replace(/_(bucket|sum|count)$/, ''));
      const values = snapshots.map((snapshot) => valueIn(snapshot, newest!, index));
      const times = snapshots.map(({ time }) => time);
      const cumulative = CUMULATIVE.has(spec?.type ?? '');
      found.push({ name, labels, unit: spec?.units ?? '', cumulative, times, values });
    }
  }
  return found;
}

/** Null where the series are others than in the newest snapshot. */
function valueIn({ series, values }: AppMetricsSnapshot, newest: AppMetricsSnapshot, index: number): number | null {
  const value = series === newest.series ? values[index]! : Number.NaN;
  return Number.isFinite(value) ? value : null;
}
