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
  /** First column and number of columns of the current probe. */
  private offset = 0;
  private length = 0;

  /** Starts a row of `width` columns, all absent. */
  begin(width: number): void {
    if (width > this.values.length) {
      this.values = new Float64Array(width * 2);
      this.residuals = new Int16Array(width * 2);
    }
    this.values.fill(Number.NaN, 0, width);
    if (this.wide) this.residuals.fill(0);
    this.wide = false;
    this.width = width;
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

  /** @throws RangeError: the column does not belong to the probe */
  private rejectColumn(column: number): never {
    throw new RangeError(`the probe wrote column ${column} of its ${this.length} columns`);
  }

  private setBig(column: number, exact: bigint): void {
    const nearest = Number(exact);
    this.setExact(column, nearest, Number(exact - BigInt(nearest)));
  }
}
