import type { Column, Layout, Unit } from '../fields.js';
import type { Families, Feed, Label, MetricFamily, Naming, RankedFeed } from './catalogue.js';

/** One series that every container of a layout has. */
export interface PlannedSeries<F extends MetricFamily = MetricFamily> {
  readonly family: F;
  /** Column of the sample. */
  readonly column: number;
  /** Column that is subtracted; −1: none. */
  readonly minus: number;
  /** Labels besides the container's own; sorted by name, each name once. */
  readonly labels: readonly Label[];
  /** What the number is divided by: 1 or a power of ten. */
  readonly divisor: number;
  /** The series is there only while this holds: the container has a CPU quota; the number is not 0. */
  readonly only: Feed['only'];
}

interface Candidate<F extends MetricFamily> {
  readonly rank: number;
  readonly series: PlannedSeries<F>;
}

const NOTHING_HIDDEN: ReadonlySet<string> = new Set();

const DIVISORS: Partial<Record<Unit, number>> = {
  nanoseconds: 1e9,
  microseconds: 1e6,
  milliseconds: 1e3,
  percent: 100,
};

/**
 * Decides once per layout which column becomes which series. No two of the result have the same family and labels,
 * and container names are unique: so no series is ever written twice.
 * @param hidden names of fields that are treated as if the layout did not have them
 */
export function planLayout<F extends MetricFamily>(
  layout: Layout,
  naming: Naming,
  families: Families<F>,
  hidden: ReadonlySet<string> = NOTHING_HIDDEN,
): readonly PlannedSeries<F>[] {
  const isShown = (field: string) => !hidden.has(field) && layout.indexOf(field) >= 0;
  const chosen = new Map<string, Candidate<F>>();
  for (const [index, column] of layout.columns.entries()) {
    if (hidden.has(column.field.name)) continue;
    const feeds = naming.feedsOf(column.field.name);
    if (feeds.length === 0) offer(chosen, 0, genericSeries(column, index, naming, families));
    for (const ranked of feeds) {
      if (ranked.feed.unless !== undefined && isShown(ranked.feed.unless)) continue;
      offer(chosen, ranked.rank, namedSeries(ranked, column, index, layout, families));
    }
  }
  return [...chosen.values()].map(({ series }) => series).sort((a, b) => a.family.index - b.family.index);
}

function offer<F extends MetricFamily>(
  chosen: Map<string, Candidate<F>>,
  rank: number,
  series: PlannedSeries<F> | undefined,
): void {
  if (series === undefined) return;
  const key = JSON.stringify([series.family.name, series.labels]);
  const known = chosen.get(key);
  if (known === undefined || rank < known.rank) chosen.set(key, { rank, series });
}

function namedSeries<F extends MetricFamily>(
  { family, feed }: RankedFeed,
  column: Column,
  index: number,
  layout: Layout,
  families: Families<F>,
): PlannedSeries<F> | undefined {
  const labels = labelsOf(feed, column);
  const shown = labels && families.take(family.name, family.type, family.help ?? column.field.help, family.unit);
  const minus = feed.minus === undefined ? -1 : layout.indexOf(feed.minus);
  return shown && { ...seriesOf(shown, column, index, labels), minus, only: feed.only };
}

function genericSeries<F extends MetricFamily>(
  column: Column,
  index: number,
  naming: Naming,
  families: Families<F>,
): PlannedSeries<F> | undefined {
  const { field, labels = [] } = column;
  const generic = naming.generic(field);
  const family = generic && families.take(generic.name, generic.type, field.help, generic.unit);
  const named = (field.dimensions ?? []).map((dimension, i) => [generic!.label(dimension), labels[i] ?? ''] as const);
  return family && seriesOf(family, column, index, named);
}

function seriesOf<F extends MetricFamily>(
  family: F,
  { field }: Column,
  column: number,
  labels: readonly Label[],
): PlannedSeries<F> {
  // By name and each name once, so that equal label sets have equal keys.
  const unique = [...new Map(labels)].sort(([a], [b]) => (a < b ? -1 : 1));
  return { family, column, minus: -1, labels: unique, divisor: DIVISORS[field.unit] ?? 1, only: undefined };
}

/** @returns undefined when the feed is not about this column */
function labelsOf(feed: Feed, { field, labels = [] }: Column): readonly Label[] | undefined {
  const dimensions = field.dimensions ?? [];
  const dimensionValue = (dimension: string): string => labels[dimensions.indexOf(dimension)] ?? '';
  for (const [dimension, value] of Object.entries(feed.where ?? {}))
    if (dimensionValue(dimension) !== value) return undefined;
  const print = feed.print ?? ((value: string) => value);
  const taken = feed.labels ?? Object.fromEntries(dimensions.map((dimension) => [dimension, dimension]));
  const own = Object.entries(taken).map(
    ([name, dimension]) => [name, print(deviceOr(dimension, dimensionValue))] as const,
  );
  const rest = feed.rest && ([feed.rest, field.name.slice(field.name.indexOf('.') + 1).toLowerCase()] as const);
  return [...own, ...Object.entries(feed.fixed ?? {}), ...(rest ? [rest] : [])];
}

/** A device without a name is distinguished from others by its number. */
function deviceOr(dimension: string, dimensionValue: (dimension: string) => string): string {
  const value = dimensionValue(dimension);
  if (value !== '' || dimension !== 'device' || dimensionValue('major') === '') return value;
  return `${dimensionValue('major')}:${dimensionValue('minor')}`;
}
