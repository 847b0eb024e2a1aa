import type {
  Column,
  FieldDescriptor,
  Layout,
  SampleCursor,
  SampleQuery,
  SampleWindow,
} from '../../../src/kernel/contracts/index.js';

/** A sample before it is a row: columns with their exact values. */
export interface FakeSample {
  /** µs since the epoch */
  readonly time: number;
  readonly cells: readonly (readonly [column: Column, value: number | bigint])[];
}

const fields = new Map<string, FieldDescriptor>();
const layouts = new Map<string, Layout>();

/** A column of a field; the descriptors say nothing, as no API version reads them. */
export function column(name: string, labels?: readonly string[], attributes?: Record<string, string>): Column {
  let field = fields.get(name);
  if (field === undefined) {
    field = { name, unit: 'count', kind: 'gauge', help: name, source: { any: 'a recording' } };
    fields.set(name, field);
  }
  return { field, ...(labels && { labels }), ...(attributes && { attributes }) };
}

function layoutOf(columns: readonly Column[]): Layout {
  const key = JSON.stringify(columns.map(({ field, labels, attributes }) => [field.name, labels, attributes]));
  let layout = layouts.get(key);
  if (layout === undefined) {
    const indexes = new Map<string, number[]>();
    for (const [index, { field }] of columns.entries()) {
      indexes.set(field.name, [...(indexes.get(field.name) ?? []), index]);
    }
    layout = {
      columns,
      indexOf: (name) => indexes.get(name)?.[0] ?? -1,
      indexesOf: (name) => indexes.get(name) ?? [],
    };
    layouts.set(key, layout);
  }
  return layout;
}

interface Row {
  readonly layout: Layout;
  readonly time: number;
  readonly values: Float64Array;
  readonly residuals: Int16Array;
}

function rowOf({ time, cells }: FakeSample): Row {
  const values = Float64Array.from(cells, ([, value]) => Number(value));
  const residuals = Int16Array.from(cells, ([, value]) =>
    typeof value === 'bigint' ? Number(value - BigInt(Number(value))) : 0,
  );
  return { layout: layoutOf(cells.map(([cell]) => cell)), time, values, residuals };
}

/** Samples as a container of the real agent gives them. */
export function samplesOf(samples: readonly FakeSample[]): (query?: SampleQuery) => SampleWindow {
  const rows = samples.map(rowOf);
  return ({ count = -1, start = Number.NEGATIVE_INFINITY, end = Number.POSITIVE_INFINITY } = {}) => {
    const inRange = rows.filter(({ time }) => time >= start && time <= end);
    const wanted = count < 0 ? inRange : inRange.slice(Math.max(0, inRange.length - count));
    return {
      length: wanted.length,
      at(index: number, cursor: SampleCursor) {
        const row = wanted[index];
        if (row === undefined) throw new RangeError(`sample ${index} of ${wanted.length}`);
        return Object.assign(cursor, row, { base: 0 });
      },
    };
  };
}
