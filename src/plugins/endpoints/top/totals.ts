import type { Layout, SampleCursor } from '../../../kernel/contracts/index.js';

/** A field, and its operation where it has one. */
interface Source {
  readonly field: string;
  readonly operation?: string;
}

/** Sums the columns of each quantity in a sample. Their positions are looked up once per layout. */
export interface Totals<Quantity extends string> {
  /** @returns NaN when the sample has no such column */
  of(cursor: SampleCursor, quantity: Quantity): number;
}

/** Index of the operation (`Read`) among the labels of a column of `diskio`. */
const OPERATION = 3;

export function totalsOf<Quantity extends string>(sources: Readonly<Record<Quantity, Source>>): Totals<Quantity> {
  type Columns = Readonly<Record<Quantity, readonly number[]>>;
  const known = new WeakMap<Layout, Columns>();
  let last: Layout | undefined;
  let columns: Columns | undefined;
  const columnsOf = (layout: Layout): Columns => {
    const entries = Object.entries<Source>(sources).map(([quantity, { field, operation }]) => {
      const all = layout.indexesOf(field);
      const wanted = all.filter((i) => operation === undefined || layout.columns[i]!.labels?.[OPERATION] === operation);
      return [quantity, wanted];
    });
    return Object.fromEntries(entries) as Columns;
  };
  return {
    of({ layout, values, base }, quantity) {
      // Containers of the same shape share their layout.
      if (layout !== last) {
        columns = known.get(layout) ?? columnsOf(layout);
        known.set(layout, columns);
        last = layout;
      }
      const wanted = columns![quantity];
      if (wanted.length === 0) return Number.NaN;
      let sum = 0;
      for (let i = 0; i < wanted.length; i++) sum += values[base + wanted[i]!]!;
      return sum;
    },
  };
}
