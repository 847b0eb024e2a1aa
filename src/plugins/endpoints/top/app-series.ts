import type { AppSeriesNumbers } from '../../../client/top/columns.js';
import type { AppMetricsSnapshot, ContainerAppMetrics } from '../../../kernel/contracts/index.js';

/** So many series are answered, the first by name. */
const SERIES = 24;
/** So many values of each, the newest. */
const VALUES = 120;

const CUMULATIVE = new Set(['cumulative', 'COUNTER', 'HISTOGRAM', 'SUMMARY']);

/** What the application in a container said of itself after a time, µs since the epoch. */
export function appSeriesOf(metrics: ContainerAppMetrics | undefined, since: number): AppSeriesNumbers[] {
  if (metrics === undefined) return [];
  const specs = new Map(metrics.specs.map((spec) => [spec.name, spec]));
  const found: AppSeriesNumbers[] = [];
  for (const all of metrics.history()) {
    const newest = all.at(-1);
    const snapshots = all.slice(-VALUES).filter(({ time }) => time > since);
    for (const [index, { name, labels }] of (newest?.series ?? []).entries()) {
      if (found.length === SERIES) return found;
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
