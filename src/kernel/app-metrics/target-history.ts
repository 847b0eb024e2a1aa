import type { AppMetricSample, AppMetricSpec, AppMetricsSnapshot, CollectedMetrics } from '../contracts/index.js';
import { timeAfter } from '../history/index.js';
import { type Arrangement, arrange, type Budget, detached } from './series.js';

/** Texts of a spec are truncated to this length. */
const MAX_TEXT_LENGTH = 1_000;

/** The end of the year 9999; later times cannot be formatted. */
const MAX_TIME_US = Date.UTC(9999, 11, 31) * 1000;

interface Entry {
  readonly snapshot: AppMetricsSnapshot;
  readonly size: number;
  /** When the values became stale without newer ones, µs since the epoch. */
  until: number;
}

/** The collected values of one target within the history. */
export class TargetHistory {
  specs: readonly AppMetricSpec[] = [];
  /** Of the last collection. */
  arrangement: Arrangement | undefined;
  private entries: Entry[] = [];
  /** Bytes of values and names kept. */
  size = 0;

  /** @param duration how long values are kept, in µs */
  constructor(public duration: number) {}

  /** Adds the result of a collection. @param now µs since the epoch */
  add({ specs, samples }: CollectedMetrics, now: number, budget: Budget): void {
    const time = this.correctTime(now);
    if (!sameSpecs(specs, this.specs)) this.specs = specs.slice(0, budget.metrics).map(copyOf);
    const before = this.arrangement;
    const arrangement = arrange(samples, budget, before);
    this.arrangement = arrangement;
    const isKnown = this.entries.length > 0 && before?.series === arrangement.series;
    const snapshot = snapshotOf(samples, arrangement, time);
    const names = isKnown ? 0 : arrangement.size;
    const entry = { snapshot, size: names + snapshot.values.length * 18 + 200, until: Number.POSITIVE_INFINITY };
    this.entries.push(entry);
    this.size += entry.size;
    this.trim(time - this.duration, budget.bytes);
  }

  markStale(time: number): void {
    const last = this.entries.at(-1);
    if (last?.until === Number.POSITIVE_INFINITY) last.until = time;
    this.arrangement = undefined;
  }

  /** Removes the oldest values beyond the given size. */
  shrink(bytes: number): void {
    this.trim(Number.NEGATIVE_INFINITY, bytes);
  }

  clear(): void {
    this.entries = [];
    this.size = 0;
    this.arrangement = undefined;
  }

  /** The values that were current at a time, or `undefined`. */
  at(time: number): AppMetricsSnapshot | undefined {
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const { snapshot, until } = this.entries[i]!;
      if (snapshot.time <= time) return time < until ? snapshot : undefined;
    }
    return undefined;
  }

  /** Oldest first. */
  all(): readonly AppMetricsSnapshot[] {
    return this.entries.map(({ snapshot }) => snapshot);
  }

  /** The time of an entry, corrected to be later than the previous one. */
  private correctTime(now: number): number {
    const time = timeAfter(this.entries.at(-1)?.snapshot.time ?? 0, now);
    if (!Number.isNaN(time)) return time;
    this.clear();
    return now;
  }

  private trim(oldest: number, maxBytes: number): void {
    let count = 0;
    // The values that were current at the oldest time are older than it.
    const isOld = (entry: Entry) => entry.snapshot.time <= oldest;
    while (count < this.entries.length - 1 && (this.size > maxBytes || isOld(this.entries[count + 1]!))) {
      this.size -= this.entries[count++]!.size;
    }
    if (count > 0) this.entries.splice(0, count);
  }
}

function snapshotOf(
  samples: readonly AppMetricSample[],
  { series, columns }: Arrangement,
  time: number,
): AppMetricsSnapshot {
  const values = new Float64Array(series.length);
  let residuals: Int16Array | undefined;
  let times: Float64Array | undefined;
  for (let i = 0; i < samples.length; i++) {
    const column = columns[i]!;
    if (column < 0) continue;
    const { value, time: own } = samples[i]!;
    values[column] = Number(value);
    if (series[column]!.format === 'int' && !Number.isSafeInteger(values[column])) {
      residuals ??= new Int16Array(series.length);
      residuals[column] = Number(BigInt(value) - BigInt(values[column]!));
    }
    if (own !== undefined && own >= 0 && own <= MAX_TIME_US) {
      times ??= new Float64Array(series.length).fill(Number.NaN);
      times[column] = own;
    }
  }
  return { time, series, values, ...(residuals && { residuals }), ...(times && { times }) };
}

function sameSpecs(a: readonly AppMetricSpec[], b: readonly AppMetricSpec[]): boolean {
  return (
    a.length === b.length &&
    a.every(
      ({ name, type, format, units, help }, i) =>
        name === b[i]!.name &&
        type === b[i]!.type &&
        format === b[i]!.format &&
        units === b[i]!.units &&
        help === b[i]!.help,
    )
  );
}

function copyOf({ name, type, format, units, help }: AppMetricSpec): AppMetricSpec {
  const kept = (text: string) => detached(text.slice(0, MAX_TEXT_LENGTH));
  const texts = { name: kept(name), type: kept(type), format, units: kept(units) };
  return help === undefined ? texts : { ...texts, help: kept(help) };
}
