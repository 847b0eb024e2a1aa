import type { Column, FieldDescriptor, Layout, Unit } from '../../../kernel/contracts/index.js';
import { type Feed, feedsOf, type RankedFeed } from './catalogue/index.js';
import type { Family, FamilyTable } from './families.js';
import { labelPairs, sanitizeName } from './text.js';

/** One series that every container of a layout has. */
export interface PlannedSeries {
  readonly family: Family;
  /** Column of the sample. */
  readonly column: number;
  /** What follows the container's labels: `} ` or `,device="/dev/sda"} `. */
  readonly tail: Buffer;
  /** What the number is divided by. */
  readonly divisor: number;
  readonly only: Feed['only'];
}

type Labels = readonly (readonly [name: string, value: string])[];

interface Candidate {
  readonly rank: number;
  readonly series: PlannedSeries;
}

/** Counted on beyond the end of the cgroup, by `OomKills`. */
export const OOM_FIELD = 'oom.kills';

/** Names that a dimension may not have as a label: those of a container's own labels, and what is no label name. */
const UNFIT_DIMENSION = /^(id|name|image|le|quantile|(container_(label|env)|app|__)_.*|[0-9].*|)$/;

const NOTHING_HIDDEN: ReadonlySet<string> = new Set();

const DIVISORS: Partial<Record<Unit, number>> = {
  nanoseconds: 1e9,
  microseconds: 1e6,
  milliseconds: 1e3,
  percent: 100,
};

const SUFFIXES: Partial<Record<Unit, string>> = {
  nanoseconds: 'seconds',
  microseconds: 'seconds',
  milliseconds: 'seconds',
  percent: 'ratio',
  bytes: 'bytes',
  packets: 'packets',
  operations: 'operations',
  sectors: 'sectors',
  pages: 'pages',
  tasks: 'tasks',
};

/**
 * Decides once per layout which column becomes which series. No two of the result have the same family and labels,
 * and container names are unique: so no series is ever written twice.
 * @param hidden names of fields that are treated as if the layout did not have them
 */
export function planLayout(
  layout: Layout,
  families: FamilyTable,
  hidden: ReadonlySet<string> = NOTHING_HIDDEN,
): readonly PlannedSeries[] {
  const isShown = (field: string) => !hidden.has(field) && layout.indexOf(field) >= 0;
  const chosen = new Map<string, Candidate>();
  for (const [index, column] of layout.columns.entries()) {
    if (column.field.name === OOM_FIELD || hidden.has(column.field.name)) continue;
    const feeds = feedsOf(column.field.name);
    if (feeds.length === 0) offer(chosen, 0, genericSeries(column, index, families));
    for (const ranked of feeds) {
      if (ranked.feed.unless !== undefined && isShown(ranked.feed.unless)) continue;
      offer(chosen, ranked.rank, namedSeries(ranked, column, index, families));
    }
  }
  return [...chosen.values()].map(({ series }) => series).sort((a, b) => a.family.index - b.family.index);
}

/** Name of the family of a field that cAdvisor has no name for: `container_<field>[_<unit>][_total]`. */
export function genericName({ name, unit, kind }: FieldDescriptor): string {
  const words = `container_${sanitizeName(name)}`;
  const suffix = SUFFIXES[unit];
  const withUnit = suffix === undefined || words.endsWith(`_${suffix}`) ? words : `${words}_${suffix}`;
  return kind === 'counter' && !withUnit.endsWith('_total') ? `${withUnit}_total` : withUnit;
}

function offer(chosen: Map<string, Candidate>, rank: number, series: PlannedSeries | undefined): void {
  if (series === undefined) return;
  const key = `${series.family.name}${series.tail}`;
  const known = chosen.get(key);
  if (known === undefined || rank < known.rank) chosen.set(key, { rank, series });
}

function namedSeries(
  { family, feed }: RankedFeed,
  column: Column,
  index: number,
  families: FamilyTable,
): PlannedSeries | undefined {
  const labels = labelsOf(feed, column);
  const shown = labels && families.take(family.name, family.type, family.help ?? column.field.help);
  return shown && seriesOf(shown, column, index, labels, feed.only);
}

function genericSeries(column: Column, index: number, families: FamilyTable): PlannedSeries | undefined {
  const { field, labels = [] } = column;
  const family = families.take(genericName(field), field.kind, field.help);
  const named = (field.dimensions ?? []).map((dimension, i) => {
    const name = sanitizeName(dimension);
    return [UNFIT_DIMENSION.test(name) ? `field_${name}` : name, labels[i] ?? ''] as const;
  });
  return family && seriesOf(family, column, index, named, undefined);
}

function seriesOf(
  family: Family,
  { field }: Column,
  column: number,
  labels: Labels,
  only: Feed['only'],
): PlannedSeries {
  // By name and each name once, so that equal label sets are equal texts.
  const unique = [...new Map(labels)].sort(([a], [b]) => (a < b ? -1 : 1));
  const tail = Buffer.from(unique.length === 0 ? '} ' : `,${labelPairs(unique)}} `);
  return { family, column, tail, divisor: DIVISORS[field.unit] ?? 1, only };
}

/** @returns undefined when the feed is not about this column */
function labelsOf(feed: Feed, { field, labels = [] }: Column): Labels | undefined {
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

/** A device without a name is told apart from others by its number. */
function deviceOr(dimension: string, dimensionValue: (dimension: string) => string): string {
  const value = dimensionValue(dimension);
  if (value !== '' || dimension !== 'device' || dimensionValue('major') === '') return value;
  return `${dimensionValue('major')}:${dimensionValue('minor')}`;
}
