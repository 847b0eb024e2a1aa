import type { RowWriter } from '../contracts/index.js';

const EXACT = 2 ** 53;

/** Columns that differ from the previous row for the first time, and what they held in it. */
export class NewlyVarying {
  readonly columns: number[] = [];
  readonly values: number[] = [];
  readonly residuals: number[] = [];

  add(column: number, value: number, residual: number): void {
    this.columns.push(column);
    this.values.push(value);
    this.residuals.push(residual);
  }

  clear(): void {
    this.columns.length = 0;
    this.values.length = 0;
    this.residuals.length = 0;
  }
}

/** The numbers of a stored sample from `base` on; without residuals all of them are 0. */
export interface PreviousRow {
  readonly values: Float64Array;
  readonly residuals: Int16Array | undefined;
  readonly base: number;
}

/**
 * The row that the probes of a container fill. One object is reused for all containers, so that sampling allocates nothing.
 */
export class SampleRow implements RowWriter {
  values = new Float64Array(256);
  residuals = new Int16Array(256);
  /** True when any residual of the row is not 0. */
  wide = false;
  /** Number of columns in the row. */
  width = 0;
  /** Filled by the history that takes the row. */
  readonly newlyVarying = new NewlyVarying();
  /** Whether any number was taken from the previous sample since `begin`. */
  isRepeated = false;
  private previous: PreviousRow | undefined;
  /** First column and number of columns of the current probe. */
  private offset = 0;
  private length = 0;

  get mayRepeat(): boolean {
    return this.previous !== undefined;
  }

  /**
   * Starts a row of `width` columns, all absent.
   * @param previous the previous sample, with the same columns, if numbers may be taken from it
   */
  begin(width: number, previous?: PreviousRow): void {
    if (width > this.values.length) {
      this.values = new Float64Array(width * 2);
      this.residuals = new Int16Array(width * 2);
    }
    this.values.fill(Number.NaN, 0, width);
    if (this.wide) this.residuals.fill(0);
    this.wide = false;
    this.width = width;
    this.isRepeated = false;
    this.previous = previous;
    this.select(0, width);
  }

  /** Selects the part of a probe: columns are now relative to `offset`, and there are `length` of them. */
  select(offset: number, length: number): void {
    this.offset = offset;
    this.length = length;
  }

  /** Makes the columns of the current part absent again. */
  forget(): void {
    const end = this.offset + this.length;
    this.values.fill(Number.NaN, this.offset, end);
    this.residuals.fill(0, this.offset, end);
  }

  set(column: number, value: number): void {
    this.setExact(column, value, 0);
  }

  setExact(column: number, value: number, residual: number): void {
    if (!(column >= 0 && column < this.length)) this.rejectColumn(column);
    const index = this.offset + column;
    this.values[index] = value;
    if (residual !== 0 || this.wide) {
      this.residuals[index] = residual;
      this.wide = true;
    }
  }

  setScaled(column: number, value: number, residual: number, factor: number): void {
    const scaled = value * factor;
    if (scaled < EXACT || Number.isNaN(scaled)) this.setExact(column, scaled, 0);
    else this.setBig(column, (BigInt(value) + BigInt(residual)) * BigInt(factor));
  }

  repeat(column: number, count: number): void {
    this.copy(this.previous!, column, count);
    this.isRepeated = true;
  }

  /**
   * Fills the current part with the numbers of the previous sample, which reading would give as well.
   * @returns false when one of them is absent, which reading may mend
   */
  carryOver(previous: PreviousRow): boolean {
    const start = previous.base + this.offset;
    for (let i = start; i < start + this.length; i++) if (Number.isNaN(previous.values[i])) return false;
    this.copy(previous, 0, this.length);
    return true;
  }

  private copy({ values, residuals, base }: PreviousRow, column: number, count: number): void {
    for (let i = column; i < column + count; i++) {
      const from = base + this.offset + i;
      this.setExact(i, values[from]!, residuals === undefined ? 0 : residuals[from]!);
    }
  }

  /** @throws RangeError: the column does not belong to the probe */
  private rejectColumn(column: number): never {
    throw new RangeError(`the probe wrote column ${column} of its ${this.length} columns`);
  }

  private setBig(column: number, exact: bigint): void {
    const nearest = Number(exact);
    this.setExact(column, nearest, Number(exact - BigInt(nearest)));
  }
}
