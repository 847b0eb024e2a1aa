import { readdirSync, statSync } from 'node:fs';
import { type AgentView, agentMetrics, readText } from '../../../kernel/contracts/index.js';
import type { ExpositionBuffer } from './exposition-buffer.js';

/** What one answer held of containers. */
export interface SeriesCount {
  readonly written: number;
  /** Left out because of `maxSeries`. */
  readonly cut: number;
}

/** Upper bounds of the buckets, ascending, in seconds. */
const SCRAPE_BOUNDS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const DELAY_BOUNDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
/** How often the delay is measured, ms: each time wakes the process, which shows in its CPU time. */
const DELAY_INTERVAL_MS = 1_000;
const SELF = '/proc/self';

export class AgentMetrics {
  private readonly scrapes = new Histogram(
    'tallyman_scrape_duration_seconds',
    'Time spent on writing an answer, pauses for other work left out; of earlier scrapes.',
    SCRAPE_BOUNDS,
  );
  private readonly delays = new Histogram(
    'tallyman_event_loop_delay_seconds',
    'How late the event loop served a timer.',
    DELAY_BOUNDS,
  );

  constructor(
    private readonly agent: AgentView,
    signal: AbortSignal,
  ) {
    measureLoopDelay(this.delays, signal);
  }

  scraped(milliseconds: number): void {
    this.scrapes.observe(milliseconds / 1000);
  }

  write(buffer: ExpositionBuffer, series: SeriesCount): void {
    agentMetrics(buffer.plain, this.agent);
    this.delays.write(buffer);
    this.scrapes.write(buffer);
    buffer.plain('tallyman_scrape_series', 'gauge', 'Series of containers in this answer.', series.written);
    const cut = 'Series of containers that this answer lacks because of the option maxSeries.';
    buffer.plain('tallyman_scrape_series_cut', 'gauge', cut, series.cut);
    writeProcess(buffer, this.agent.self().startedAt);
  }
}

/**
 * Measures how late the event loop serves its timers until the signal is aborted: for so long any request waits at least.
 * Counted here and not taken from `perf_hooks`, whose histogram gives percentiles since the start, from which no rate over
 * the last minutes follows. Not by the plugin's timers: their calls count as calls of the plugin that succeed.
 */
function measureLoopDelay(delays: Histogram, signal: AbortSignal): void {
  let timer: NodeJS.Timeout;
  // At multiples of the interval, when other repeated work wakes the process, too.
  const schedule = (): void => {
    const now = performance.now();
    const wait = Math.ceil(Math.round(now / DELAY_INTERVAL_MS + 1) * DELAY_INTERVAL_MS - now);
    timer = setTimeout(() => {
      delays.observe(Math.max(0, performance.now() - now - wait) / 1000);
      schedule();
    }, wait);
    timer.unref();
  };
  schedule();
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
}

/** Counts durations by size, as Prometheus histograms do. */
class Histogram {
  private readonly counts: number[];
  private sum = 0;

  constructor(
    private readonly name: string,
    private readonly help: string,
    private readonly bounds: readonly number[],
  ) {
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && seconds > this.bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += seconds;
  }

  write(buffer: ExpositionBuffer): void {
    const { name, help, bounds } = this;
    let total = 0;
    for (const [bucket, count] of this.counts.entries()) {
      total += count;
      const le = bounds[bucket] === undefined ? '+Inf' : String(bounds[bucket]);
      buffer.plain(name, 'histogram', help, total, { le }, '_bucket');
    }
    buffer.plain(name, 'histogram', help, this.sum, {}, '_sum');
    buffer.plain(name, 'histogram', help, total, {}, '_count');
  }
}

/** Writes the `process_*` metrics that Prometheus clients of every language have, about the agent's own process. */
function writeProcess(buffer: ExpositionBuffer, startedAt: number): void {
  const { user, system } = process.cpuUsage();
  const limits = readText(`${SELF}/limits`) ?? '';
  const status = readText(`${SELF}/status`) ?? '';
  const gauge = (name: string, help: string, value: number | undefined): void => {
    if (value !== undefined) buffer.plain(`process_${name}`, 'gauge', help, value);
  };
  buffer.plain('process_cpu_seconds_total', 'counter', 'CPU time that the agent consumed.', (user + system) / 1e6);
  gauge('resident_memory_bytes', 'Memory of the agent that is resident.', kilobytes(status, 'VmRSS'));
  gauge('virtual_memory_bytes', 'Address space of the agent.', kilobytes(status, 'VmSize'));
  gauge('virtual_memory_max_bytes', 'Limit of the address space; -1: none.', limitOf(limits, 'Max address space'));
  gauge('open_fds', 'Files that the agent has open.', openFiles());
  gauge('max_fds', 'Files that the agent may have open; -1: no limit.', limitOf(limits, 'Max open files'));
  gauge('start_time_seconds', 'When the agent started, seconds since the epoch.', startedAt / 1e6);
}

/** Linux 6.2 gives the number as the size of the directory; before, all entries have to be listed. */
function openFiles(): number | undefined {
  try {
    const { size } = statSync(`${SELF}/fd`);
    return size > 0 ? size : readdirSync(`${SELF}/fd`).length;
  } catch {
    return undefined;
  }
}

function kilobytes(status: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}

function limitOf(limits: string, name: string): number | undefined {
  const found = new RegExp(`^${name}\\s+(\\d+|unlimited)`, 'm').exec(limits)?.[1];
  if (found === undefined) return undefined;
  return found === 'unlimited' ? -1 : Number(found);
}
