import type { DerivedStats, Percentiles, UsageMinutes, UsageSummary } from '../contracts/index.js';
import { type KeptMinutes, MINUTES_PER_DAY, MinuteLog, type MinuteValues, VALUES_PER_MINUTE } from './minute-log.js';
import { aggregateOf, NO_PERCENTILES, percentilesOf } from './percentiles.js';

const MINUTE_US = 60_000_000;
const MINUTES_PER_HOUR = 60;
export const DAY_US = MINUTES_PER_DAY * MINUTE_US;
const UNKNOWN_MINUTE: MinuteValues = [Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN];
const MIN_INTERVAL_US = 10_000;
/** Of each sample. */
const NUMBERS = 3;
const NOTHING: UsageSummary = Object.freeze({ percentComplete: 0, cpu: NO_PERCENTILES, memory: NO_PERCENTILES });

/**
 * CPU use between two samples in whole millicores.
 * @param cpu difference of the CPU counters, ns
 * @param elapsedUs time between the samples
 * @returns −1 when unknown: less than 10 ms apart, or the counter went back
 */
export function millicores(cpu: number, elapsedUs: number): number {
  if (!(elapsedUs >= MIN_INTERVAL_US) || !(cpu >= 0)) return -1;
  const nanoseconds = Math.round(elapsedUs * 1000);
  const quotient = Math.floor((cpu * 1000) / nanoseconds);
  // Division of doubles can be off by one; cAdvisor divides integers.
  if (quotient * nanoseconds > cpu * 1000) return quotient - 1;
  return (quotient + 1) * nanoseconds <= cpu * 1000 ? quotient + 1 : quotient;
}

/**
 * Usage of one container over the last minute, hour and day, derived from its samples. Hour and day are computed when first
 * requested after a minute ended.
 */
export class UsageSummarizer {
  /** Time, CPU time and memory of each sample since the minute began. */
  private samples: number[] = [];
  private minutes = new MinuteLog(MINUTES_PER_DAY);
  /** When the first sample was taken, µs since the epoch; 0 before. */
  private startedAt = 0;
  private time = 0;
  /** Minutes that ended since then. */
  private closed = 0;
  private latestCpu = 0;
  private latestMemory = 0;
  private minute: UsageSummary = NOTHING;
  /** Cached until the next minute ends. */
  private hour: UsageSummary | undefined;
  private day: UsageSummary | undefined;

  /**
   * Adds a stored sample.
   * @param time µs since the epoch
   * @param cpu total CPU time, ns; NaN: unknown
   * @param memory working set, bytes; NaN: unknown
   */
  add(time: number, cpu: number, memory: number): void {
    const { samples } = this;
    const last = samples.length - NUMBERS;
    this.latestCpu = last < 0 ? 0 : Math.max(0, millicores(cpu - samples[last + 1]!, time - samples[last]!));
    this.latestMemory = Number.isNaN(memory) ? 0 : memory;
    this.time = time;
    if (this.startedAt === 0) this.startedAt = time;
    samples.push(time, cpu, memory);
    if (time - samples[0]! > MINUTE_US) this.closeMinute(time, cpu, memory);
  }

  /** Starts a new minute without the current samples, after the clock was set back. */
  restart(): void {
    this.samples = [];
  }

  /** The minutes of the last day, for a later `restore`; `undefined` before the first one ended. */
  kept(): KeptMinutes | undefined {
    const [endedAt] = this.samples;
    return endedAt === undefined || this.minutes.length === 0 ? undefined : this.minutes.runsUntil(endedAt);
  }

  /**
   * Puts minutes that were kept in front of those since the start; what lies between is unknown.
   * @param now µs since the epoch
   */
  restore(kept: KeptMinutes, now: number): void {
    const measured = this.minutes;
    const gap = Math.floor(((this.startedAt || now) - kept.endedAt) / MINUTE_US);
    this.minutes = new MinuteLog(MINUTES_PER_DAY);
    this.minutes.pushAll(kept);
    for (let i = 0; i < Math.min(gap, MINUTES_PER_DAY); i++) this.minutes.push(UNKNOWN_MINUTE);
    this.minutes.pushAll(measured.runsUntil(0));
    this.hour = undefined;
    this.day = undefined;
  }

  stats(): DerivedStats {
    this.hour ??= this.aggregate(MINUTES_PER_HOUR);
    this.day ??= this.aggregate(MINUTES_PER_DAY);
    return {
      time: this.time,
      latest: { cpu: this.latestCpu, memory: this.latestMemory },
      minute: this.minute,
      hour: this.hour,
      day: this.day,
    };
  }

  /** The newest `count` minutes. Their ends are estimated from how long minutes took since the start. */
  minuteSeries(count: number): UsageMinutes {
    const column = (index: number) => this.minutes.column(index, count);
    const [cpuMax, cpuMean, , memoryMax, memoryMean] = Array.from({ length: VALUES_PER_MINUTE }, (_, i) => column(i));
    const length = cpuMean!.length;
    const end = this.samples[0] ?? this.time;
    const step = this.closed === 0 ? MINUTE_US : Math.max(MINUTE_US, (end - this.startedAt) / this.closed);
    return {
      times: Array.from({ length }, (_, i) => Math.round(end - (length - 1 - i) * step)),
      cpu: { mean: cpuMean!, max: cpuMax! },
      memory: { mean: memoryMean!, max: memoryMax! },
    };
  }

  private closeMinute(time: number, cpu: number, memory: number): void {
    const rates: number[] = [];
    const memories: number[] = [];
    const { samples } = this;
    let previous = -1;
    for (let i = 0; i < samples.length; i += NUMBERS) {
      const isKnown = !Number.isNaN(samples[i + 1]!);
      if (isKnown && previous >= 0) {
        const rate = millicores(samples[i + 1]! - samples[previous + 1]!, samples[i]! - samples[previous]!);
        if (rate < 0) continue;
        rates.push(rate);
      }
      // Usage while the CPU time was unknown is spread over the gap.
      if (isKnown) previous = i;
      if (!Number.isNaN(samples[i + 2]!)) memories.push(samples[i + 2]!);
    }
    const [c, m] = [percentilesOf(rates), percentilesOf(memories)];
    this.minute = { percentComplete: 100, cpu: c, memory: m };
    this.minutes.push([...minuteValues(c), ...minuteValues(m)]);
    this.closed++;
    this.hour = undefined;
    this.day = undefined;
    this.samples = [time, cpu, memory];
  }

  private aggregate(count: number): UsageSummary {
    const held = Math.min(count, this.minutes.length);
    if (held === 0) return NOTHING;
    const [cpu, memory] = [this.aggregateColumns(0, count), this.aggregateColumns(3, count)];
    // Minutes between two runs of the agent are held, and unknown.
    const known = Math.max(cpu.count, memory.count);
    return { percentComplete: Math.trunc((known * 100) / count), cpu, memory };
  }

  private aggregateColumns(first: number, count: number): Percentiles {
    const column = (index: number) => this.minutes.column(first + index, count).filter((value) => !Number.isNaN(value));
    return aggregateOf(column(0), column(1), column(2));
  }
}

function minuteValues({ present, max, mean, ninety }: Percentiles): [number, number, number] {
  return present ? [max, mean, ninety] : [Number.NaN, Number.NaN, Number.NaN];
}
