import type { RowWriter } from '../contracts/index.js';

const EXACT = 2 ** 53;

/**
 * The row being filled by the probes of one container. One object serves all containers in turn: a sample allocates
 * nothing.
 */
export class SampleRow implements RowWriter {
  values = new Float64Array(256);
  residuals = new Int16Array(256);
  /** True when any residual of the row is not 0. */
  wide = false;
  /** Number of columns in the row. */
  width = 0;
  /** Column at which the current probe's part begins. */
  offset = 0;

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
    this.offset = 0;
  }

  set(column: number, value: number): void {
    this.values[this.offset + column] = value;
  }

  setExact(column: number, value: number, residual: number): void {
    this.values[this.offset + column] = value;
    if (residual !== 0) {
      this.residuals[this.offset + column] = residual;
      this.wide = true;
    }
  }

  setScaled(column: number, value: number, residual: number, factor: number): void {
    const scaled = value * factor;
    if (scaled < EXACT || Number.isNaN(scaled)) this.values[this.offset + column] = scaled;
    else this.setBig(column, (BigInt(value) + BigInt(residual)) * BigInt(factor));
  }

  private setBig(column: number, exact: bigint): void {
    const nearest = Number(exact);
    this.setExact(column, nearest, Number(exact - BigInt(nearest)));
  }
}
