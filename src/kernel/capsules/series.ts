import type { Column, FieldDescriptor, Layout, SampleCursor, SampleWindow } from '../contracts/index.js';
import { LayoutTable, SampleRing, SampleRow } from '../history/index.js';

/** Samples with the same columns, column by column. */
interface Segment {
  readonly layout: Layout;
  /** µs since the epoch */
  readonly times: number[];
  readonly columns: Float64Array[];
  readonly residuals: (Int16Array | undefined)[];
}

/** A copy of samples: a ring goes on changing while a capsule is written. */
export type CapturedSamples = readonly Segment[];

/** Copies samples. */
export function captureSamples(window: SampleWindow): CapturedSamples {
  const cursor = {} as SampleCursor;
  const segments: { first: number; count: number; layout: Layout }[] = [];
  for (let i = 0; i < window.length; i++) {
    const { layout } = window.at(i, cursor);
    const last = segments.at(-1);
    if (last?.layout === layout) last.count++;
    else segments.push({ first: i, count: 1, layout });
  }
  return segments.map(({ first, count, layout }) => copySegment(window, first, count, layout));
}

function copySegment(window: SampleWindow, first: number, count: number, layout: Layout): Segment {
  const cursor = {} as SampleCursor;
  const width = layout.columns.length;
  const columns = Array.from({ length: width }, () => new Float64Array(count));
  const residuals: (Int16Array | undefined)[] = new Array(width).fill(undefined);
  const times: number[] = [];
  for (let row = 0; row < count; row++) {
    const { time, values, base, residuals: exact } = window.at(first + row, cursor);
    times.push(time);
    for (let i = 0; i < width; i++) {
      columns[i]![row] = values[base + i]!;
      const residual = exact === undefined ? 0 : exact[base + i]!;
      if (residual === 0) continue;
      residuals[i] ??= new Int16Array(count);
      residuals[i]![row] = residual;
    }
  }
  return { layout, times, columns, residuals };
}

/** A line of a capsule. */
export type Line = Readonly<Record<string, unknown>>;

/** The numbers of one column as JSON. */
type EncodedColumn =
  /** All the same; null: absent. */
  | number
  | null
  /** Integers as differences to the one before. */
  | { readonly d: readonly number[] }
  /** Anything else; null: absent. */
  | { readonly v: readonly (number | string | null)[] };

/** Lines for samples: one for each layout, one for each of its columns. */
export function* sampleLines(of: string, segments: CapturedSamples): Generator<Line> {
  for (const { layout, times, columns, residuals } of segments) {
    const fields = [...new Set(layout.columns.map(({ field }) => field))];
    const places = new Map(fields.map((field, index) => [field, index]));
    yield {
      kind: 'samples',
      of,
      fields,
      columns: layout.columns.map(({ field, labels, attributes }) => ({
        field: places.get(field),
        labels,
        attributes,
      })),
      times: differences(times),
    };
    for (const [index, values] of columns.entries()) {
      yield { kind: 'column', of, index, values: encoded(values, residuals[index]) };
    }
  }
}

function differences(values: ArrayLike<number>): number[] {
  return Array.from(values, (value, i) => (i === 0 ? value : value - values[i - 1]!));
}

function encoded(values: Float64Array, residuals: Int16Array | undefined): EncodedColumn {
  if (residuals !== undefined) {
    return { v: Array.from(values, (value, i) => (Number.isNaN(value) ? null : exactText(value, residuals[i]!))) };
  }
  const [first = Number.NaN] = values;
  if (values.every((value) => Object.is(value, first))) return Number.isFinite(first) ? first : null;
  const d = differences(values);
  if (values.every(Number.isSafeInteger) && d.every(Number.isSafeInteger)) return { d };
  return { v: Array.from(values, (value) => (Number.isFinite(value) ? value : null)) };
}

/** Integers above 2^53 are written as text. */
function exactText(value: number, residual: number): number | string {
  return residual === 0 ? value : (BigInt(value) + BigInt(residual)).toString();
}

/** Puts lines together to samples again. */
export class SampleReader {
  readonly ring = new SampleRing(Number.POSITIVE_INFINITY);
  private readonly layouts = new LayoutTable();
  private readonly row = new SampleRow();
  private layout: Layout | undefined;
  private times: readonly number[] = [];
  private columns: (readonly (number | string | null)[] | undefined)[] = [];

  /** @throws Error for lines that do not fit together */
  take(line: Line): void {
    if (line.kind === 'samples') this.begin(line);
    else this.addColumn(line as { index: number; values: EncodedColumn });
  }

  private addColumn({ index, values }: { readonly index: number; readonly values: EncodedColumn }): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.columns.length) throw new Error('a column of no layout');
    this.columns[index] = decoded(values, this.times.length);
  }

  /** Takes over the samples of the last layout. */
  finish(): SampleRing {
    const { layout, row } = this;
    if (layout === undefined) return this.ring;
    for (const [i, time] of this.times.entries()) {
      row.begin(layout.columns.length);
      for (const [column, values] of this.columns.entries()) {
        const value = values?.[i] ?? null;
        if (typeof value === 'number') row.set(column, value);
        else if (value !== null) setExact(row, column, BigInt(value));
      }
      this.ring.push(layout, time, row);
    }
    this.layout = undefined;
    return this.ring;
  }

  private begin(line: Line): void {
    this.finish();
    const { fields, columns, times } = line as unknown as {
      fields: readonly FieldDescriptor[];
      columns: readonly (Omit<Column, 'field'> & { readonly field: number })[];
      times: readonly number[];
    };
    this.layout = this.layouts.intern(
      columns.map(({ field, labels, attributes }) => ({
        field: fields[field]!,
        ...(labels !== undefined && { labels }),
        ...(attributes !== undefined && { attributes }),
      })),
    );
    if (this.layout.columns.some(({ field }) => typeof field?.name !== 'string'))
      throw new Error('a column without a field');
    this.times = summedUp(times);
    this.columns = new Array(columns.length).fill(undefined);
  }
}

function setExact(row: SampleRow, column: number, value: bigint): void {
  const nearest = Number(value);
  row.setExact(column, nearest, Number(value - BigInt(nearest)));
}

function summedUp(deltas: readonly number[]): number[] {
  let sum = 0;
  return deltas.map((delta) => {
    sum += delta;
    return sum;
  });
}

function decoded(column: EncodedColumn, count: number): readonly (number | string | null)[] {
  if (column === null || typeof column === 'number') return new Array(count).fill(column);
  return 'd' in column ? summedUp(column.d) : column.v;
}
