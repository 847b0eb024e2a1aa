import { type ByteWriter, quoteJson } from '../../kernel/contracts/bytes/index.js';
import type { Layout, SampleCursor } from '../../kernel/contracts/index.js';
import { remembering } from './json.js';

const INTEGER = 0;
const FLOAT = 1;
const MILLIONFOLD = 2;
const IF_POSITIVE = 3;
const IF_PRESENT = 4;
const TEXT_ONLY = 5;
const NUMBER = 6;
const COMMA = 7;
const QUOTIENT = 8;

/** Characters after which no comma is needed. */
const [BRACKET, BRACE] = [0x5b, 0x7b];

const SIX_ZEROS = Buffer.from('000000');
/** Maximum length of a printed number, with its sign. */
const NUMBER_SIZE = 26;

/** Layout of an omitted part of a sample, in which everything is printed as zero. */
export const NO_COLUMNS: Layout = { columns: [], indexOf: () => -1, indexesOf: () => [] };

/**
 * Prints rows of one layout as JSON: prepared text and numbers in turn. Everything that depends only on the layout is
 * prepared text, so a part that no source collects is a single copy.
 */
export class RowPrinter {
  private readonly kinds: Uint8Array;
  private readonly columns: Int32Array;
  private readonly skips: Int32Array;
  private readonly divisors: Float64Array;
  private readonly capacity: number;

  /** @param texts `texts[i]` stands before step i, the last one after all steps */
  constructor(
    private readonly texts: readonly Uint8Array[],
    steps: readonly Step[],
  ) {
    this.kinds = Uint8Array.from(steps, (step) => step.kind);
    this.columns = Int32Array.from(steps, (step) => step.column);
    this.skips = Int32Array.from(steps, (step) => step.skip);
    this.divisors = Float64Array.from(steps, (step) => step.divisor);
    this.capacity = texts.reduce((sum, text) => sum + text.length, steps.length * NUMBER_SIZE);
  }

  write(out: ByteWriter, cursor: SampleCursor): void {
    const { texts, kinds, columns } = this;
    const { values, residuals, base } = cursor;
    out.reserve(this.capacity);
    for (let i = 0; i < kinds.length; i++) {
      out.bytes(texts[i]!);
      const at = base + columns[i]!;
      const value = values[at]!;
      const kind = kinds[i];
      if (kind === INTEGER) out.integer(value, residuals === undefined ? 0 : residuals[at]);
      else if (kind === QUOTIENT) out.integer(Math.floor(value / this.divisors[i]!));
      else if (kind === FLOAT) out.float(Number.isNaN(value) ? 0 : value);
      else if (kind === MILLIONFOLD) {
        out.integer(value, residuals === undefined ? 0 : residuals[at]);
        if (value >= 1) out.bytes(SIX_ZEROS);
      } else if (kind === IF_POSITIVE) {
        if (!(value > 0)) i += this.skips[i]!;
      } else if (kind === IF_PRESENT) {
        if (Number.isNaN(value)) i += this.skips[i]!;
      } else if (kind === NUMBER) {
        if (Number.isInteger(value)) out.integer(value, residuals === undefined ? 0 : residuals[at]);
        else out.float(value);
      } else if (kind === COMMA) {
        const last = out.buffer[out.length - 1];
        if (last !== BRACKET && last !== BRACE) out.ascii(',');
      }
    }
    out.bytes(texts[kinds.length]!);
  }
}

interface Step {
  readonly kind: number;
  readonly column: number;
  /** Number of steps to skip when the condition does not hold. */
  skip: number;
  readonly divisor: number;
}

export class RowPrinterBuilder {
  private readonly texts: Uint8Array[] = [];
  private readonly steps: Step[] = [];
  private pending = '';

  text(json: string): this {
    this.pending += json;
    return this;
  }

  string(value: string): this {
    return this.text(quoteJson(value));
  }

  /** Appends the exact integer of a column; −1 (no such column) prints 0. */
  integer(column: number): this {
    return column < 0 ? this.text('0') : this.step(INTEGER, column);
  }

  float(column: number): this {
    return column < 0 ? this.text('0') : this.step(FLOAT, column);
  }

  /** Appends a column as an exact integer or a floating-point number. */
  number(column: number): this {
    return this.step(NUMBER, column);
  }

  /** Appends a comma before optional members, unless the list or object is empty. */
  comma(): this {
    return this.step(COMMA, 0);
  }

  /** Appends a column times 10^6: milliseconds as nanoseconds. */
  millionfold(column: number): this {
    return column < 0 ? this.text('0') : this.step(MILLIONFOLD, column);
  }

  /** Appends a column divided by `divisor`, truncated to an integer. */
  quotient(column: number, divisor: number): this {
    return divisor === 1 ? this.integer(column) : this.step(QUOTIENT, column, divisor);
  }

  /** Prints what `write` appends only in rows where the column is above 0. */
  ifPositive(column: number, write: () => void): this {
    return this.conditional(IF_POSITIVE, column, write);
  }

  /** Prints what `write` appends only in rows that have the column. */
  ifPresent(column: number, write: () => void): this {
    return this.conditional(IF_PRESENT, column, write);
  }

  /** Appends what `write` appends for each item, separated by commas. */
  list<T>(items: Iterable<T>, write: (item: T) => void): this {
    let separator = '';
    for (const item of items) {
      this.text(separator);
      write(item);
      separator = ',';
    }
    return this;
  }

  /** Appends `"key":number` members, separated by commas, from the first column of each field. */
  members(layout: Layout, keys: readonly Member[]): this {
    return this.list(keys, ([key, field]) => this.text(`"${key}":`).integer(layout.indexOf(field)));
  }

  /** The columns that have been appended or used in conditions. */
  usedColumns(): ReadonlySet<number> {
    return new Set(this.steps.flatMap(({ kind, column }) => (kind === TEXT_ONLY || kind === COMMA ? [] : [column])));
  }

  build(): RowPrinter {
    return new RowPrinter([...this.texts, Buffer.from(this.pending)], this.steps);
  }

  private conditional(kind: number, column: number, write: () => void): this {
    if (column < 0) return this;
    this.step(kind, column);
    const condition = this.steps.at(-1)!;
    const first = this.steps.length;
    write();
    if (this.pending !== '') this.step(TEXT_ONLY, 0);
    condition.skip = this.steps.length - first;
    return this;
  }

  private step(kind: number, column: number, divisor = 1): this {
    this.texts.push(Buffer.from(this.pending));
    this.pending = '';
    this.steps.push({ kind, column, skip: 0, divisor });
    return this;
  }
}

/** A JSON key and its field. */
export type Member = readonly [key: string, field: string];

/** Members whose fields are named like the key: `usage` → `memory.usage`. */
export function membersOf(prefix: string, keys: readonly string[]): Member[] {
  return keys.map((key) => [key, `${prefix}${key}`]);
}

/** The first label of a column: its device, interface, node or size. */
export function labelOf(layout: Layout, column: number): string {
  return layout.columns[column]!.labels?.[0] ?? '';
}

/** The column of a field with this first label; −1 when there is none. */
export function labelledColumn(layout: Layout, field: string, label: string): number {
  return layout.indexesOf(field).find((column) => labelOf(layout, column) === label) ?? -1;
}

/** A cache of values by layout and variant, as long as the layout exists. */
export class PerLayout<T> {
  private readonly variantsOf = remembering((_: Layout) => new Map<number, T>());

  constructor(private readonly make: (layout: Layout, variant: number) => T) {}

  get(layout: Layout, variant = 0): T {
    const variants = this.variantsOf(layout);
    let result = variants.get(variant);
    if (result === undefined) {
      result = this.make(layout, variant);
      variants.set(variant, result);
    }
    return result;
  }
}
