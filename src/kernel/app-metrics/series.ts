import type { AppMetricSample, AppSeries } from '../contracts/index.js';

/** Separates the pairs of a label text; clients rely on it. */
const SEPARATOR = '\ufffd';
/** Series with longer or more labels are dropped. */
const MAX_LABEL_LENGTH = 4096;
const MAX_LABELS = 100;

/** What may still be kept for a container. */
export interface Budget {
  readonly metrics: number;
  readonly series: number;
  /** Of names and values. */
  readonly bytes: number;
}

/** The mapping of the samples of a collection to columns. */
export interface Arrangement {
  /** Sorted by name. */
  readonly series: readonly AppSeries[];
  /** Column of each sample, −1 for a dropped one. */
  readonly columns: Int32Array;
  /** Distinct names among the series. */
  readonly names: ReadonlySet<string>;
  /** Samples dropped because of the budget, or because their labels are too long. */
  readonly dropped: number;
  /** Samples dropped because an earlier one has the same name and labels. */
  readonly duplicates: number;
  /** Approximate memory of the series in bytes. */
  readonly size: number;
}

/**
 * Arranges samples. In the usual case, when a target has the same series as before, the previous arrangement is reused.
 * @param previous of the same target
 */
export function arrange(
  samples: readonly AppMetricSample[],
  budget: Budget,
  previous: Arrangement | undefined,
): Arrangement {
  if (previous !== undefined && isSame(samples, budget, previous)) return previous;
  const made = build(samples, budget);
  if (previous === undefined || !sameSeries(made.series, previous.series)) return made;
  return { ...made, series: previous.series, names: previous.names };
}

function isSame(
  samples: readonly AppMetricSample[],
  budget: Budget,
  { series, columns, names, dropped, size }: Arrangement,
) {
  if (samples.length !== columns.length || dropped > 0) return false;
  if (names.size > budget.metrics || series.length > budget.series || size > budget.bytes) return false;
  for (let i = 0; i < samples.length; i++) {
    const column = columns[i]!;
    if (column < 0 || !matches(samples[i]!, series[column]!)) return false;
  }
  return true;
}

function matches(sample: AppMetricSample, series: AppSeries): boolean {
  if (sample.name !== series.name || formatOf(sample) !== series.format) return false;
  const { labels } = sample;
  if (labels === undefined) return series.label === '';
  if (series.label === '') return false;
  let count = 0;
  for (const key in labels) {
    if (labels[key] !== series.labels[key]) return false;
    count++;
  }
  for (const _ in series.labels) count--;
  return count === 0;
}

function build(samples: readonly AppMetricSample[], budget: Budget): Arrangement {
  const names = new Set<string>();
  const known = new Set<string>();
  const kept: { series: AppSeries; sample: number }[] = [];
  let [dropped, duplicates, size] = [0, 0, 0];
  for (const [index, sample] of samples.entries()) {
    if (isTooLong(sample)) {
      dropped++;
      continue;
    }
    const label = labelText(sample);
    const key = `${sample.name}\0${label}`;
    const full = kept.length >= budget.series || (!names.has(sample.name) && names.size >= budget.metrics);
    const bytes = key.length * 4 + 200;
    if (known.has(key)) duplicates++;
    else if (full || size + bytes > budget.bytes) dropped++;
    else {
      const series = seriesOf(sample, label);
      known.add(key);
      names.add(series.name);
      kept.push({ series, sample: index });
      size += bytes;
    }
  }
  kept.sort((a, b) => compareNames(a.series.name, b.series.name));
  const columns = new Int32Array(samples.length).fill(-1);
  for (const [column, { sample }] of kept.entries()) columns[sample] = column;
  return { series: kept.map(({ series }) => series), columns, names, dropped, duplicates, size };
}

/** Copies the texts: slices would keep the whole response in memory. */
function seriesOf(sample: AppMetricSample, label: string): AppSeries {
  const pairs = Object.entries(sample.labels ?? {}).map(([key, value]) => [detached(key), detached(value)]);
  const labels = Object.fromEntries(pairs) as Record<string, string>;
  return { name: detached(sample.name), labels, label, format: formatOf(sample) };
}

/** An integer that does not fit 64 bits is stored as a double. */
const formatOf = ({ value }: AppMetricSample): AppSeries['format'] =>
  typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? 'int' : 'float';

/** Checked before sorting and joining the labels, which could take seconds for a hostile response. */
function isTooLong({ name, labels }: AppMetricSample): boolean {
  let { length } = name;
  if (labels === undefined) return length > MAX_LABEL_LENGTH;
  let count = 0;
  length += `__name__=${name}`.length;
  for (const key in labels) {
    length += key.length + labels[key]!.length + 2;
    if (++count > MAX_LABELS || length > MAX_LABEL_LENGTH) return true;
  }
  return false;
}

function labelText({ name, labels }: AppMetricSample): string {
  if (labels === undefined) return '';
  const pairs = Object.entries({ ...labels, __name__: name }).sort(([a], [b]) => compareNames(a, b));
  return pairs.map(([key, value]) => `${key}=${value}`).join(SEPARATOR);
}

function sameSeries(a: readonly AppSeries[], b: readonly AppSeries[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, label, format }, i) => name === b[i]!.name && label === b[i]!.label && format === b[i]!.format)
  );
}

/** Order of the UTF-8 bytes, which is how names are sorted in every answer. */
function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  // UTF-16 has another order than UTF-8 only where one has a surrogate and the other something above.
  return HIGH.test(a) || HIGH.test(b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : 1;
}

const HIGH = /[\ud800-\uffff]/;

/** A copy that shares no memory with the text it was cut out of. */
export function detached(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
