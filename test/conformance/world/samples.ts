import type {
  Column,
  FieldDescriptor,
  Layout,
  SampleQuery,
  SampleWindow,
} from '../../../src/kernel/contracts/index.js';
import { LayoutTable, SampleRing, SampleRow } from '../../../src/kernel/history/index.js';

/** A sample before it is a row: columns with their exact values. */
export interface FakeSample {
  /** µs since the epoch */
  readonly time: number;
  readonly cells: readonly (readonly [column: Column, value: number | bigint])[];
}

const fields = new Map<string, FieldDescriptor>();
/** By the fields' units and kinds: test files of one process have fields of the same name that differ in these. */
const layouts = new Map<string, LayoutTable>();
const row = new SampleRow();

/** A column of a field; the descriptors say nothing, as no API version reads them. */
export function column(name: string, labels?: readonly string[], attributes?: Record<string, string>): Column {
  let field = fields.get(name);
  if (field === undefined) {
    field = { name, unit: 'count', kind: 'gauge', help: name, source: { any: 'a recording' } };
    fields.set(name, field);
  }
  return { field, ...(labels && { labels }), ...(attributes && { attributes }) };
}

/** The samples in a ring of the real history. */
export function samplesOf(samples: readonly FakeSample[]): (query?: SampleQuery) => SampleWindow {
  const ring = new SampleRing(Number.MAX_SAFE_INTEGER);
  for (const { time, cells } of samples) {
    row.begin(cells.length);
    for (const [index, [, value]] of cells.entries()) {
      const nearest = Number(value);
      row.setExact(index, nearest, typeof value === 'bigint' ? Number(value - BigInt(nearest)) : 0);
    }
    ring.push(layoutOf(cells.map(([cell]) => cell)), time, row);
  }
  return (query) => ring.window(query);
}

function layoutOf(columns: readonly Column[]): Layout {
  const key = columns.map(({ field: { unit, kind } }) => `${unit} ${kind}`).join();
  const table = layouts.get(key) ?? new LayoutTable();
  layouts.set(key, table);
  return table.intern(columns);
}
