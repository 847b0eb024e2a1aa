import type { Layout, SampleCursor } from '../contracts/index.js';
import { Cells, isNear, type Place, type Rows } from './cells.js';
import type { NewlyVarying, SampleRow } from './sample-row.js';

const INITIAL_CAPACITY = 4;
/** Maximum growth factor of a segment, because the estimate of its final size may be wrong. */
const MAX_GROWTH_FACTOR = 8;
const NO_COLUMNS = new Uint16Array(0);

/** A cursor keeps the buffers that rows are decoded into. */
interface DecodingCursor extends SampleCursor {
  row?: Float64Array;
  residualRow?: Int16Array;
}

/**
 * Rows of one layout. Most columns of most containers never change, so the newest row is kept whole, and older ones only
 * by the columns that differ between any two rows: sample i (0 is the oldest) is at slot `(first + i) % capacity`.
 */
export class Segment implements Rows {
  count = 0;
  private isUnused = true;
  private first = 0;
  private capacity = INITIAL_CAPACITY;
  private times = new Float64Array(INITIAL_CAPACITY);
  private readonly newest: Float64Array;
  private newestResiduals: Int16Array | undefined;
  /** Absent while no column varies. */
  private cells: Cells | undefined;

  constructor(readonly layout: Layout) {
    this.newest = new Float64Array(layout.columns.length);
  }

  /**
   * @param durationUs how long rows are kept
   * @returns whether any number differs from the previous row
   */
  push(time: number, row: SampleRow, durationUs: number): boolean {
    if (row.wide && this.newestResiduals === undefined) this.beginResiduals();
    const changed = this.isUnused || this.takeDifferences(row);
    if (this.isUnused) this.takeFirst(row);
    else if (row.newlyVarying.columns.length > 0 && this.count > 0) this.widen(row.newlyVarying);
    this.repeat(time, durationUs);
    return changed;
  }

  /** Adds a row with the numbers of the newest one. */
  repeat(time: number, durationUs: number): void {
    if (this.count === this.capacity) this.grow(time, durationUs);
    const slot = this.slot(this.count);
    this.times[slot] = time;
    this.storeCells(slot);
    this.count++;
  }

  dropOldest(): void {
    this.first++;
    this.count--;
    if (this.first === this.capacity) {
      this.first = 0;
      this.tidyCells();
    }
    this.shrink();
  }

  timeOf(index: number): number {
    return this.times[this.slot(index)]!;
  }

  /** Decodes a row into the cursor's own buffers. */
  point(index: number, cursor: DecodingCursor): void {
    const { newest, newestResiduals, cells } = this;
    const slot = this.slot(index);
    cursor.layout = this.layout;
    cursor.time = this.times[slot]!;
    cursor.base = 0;
    const row = bufferOf(cursor, newest.length);
    row.set(newest);
    cursor.values = row;
    cursor.residuals = undefined;
    cells?.restore(slot, row);
    if (newestResiduals !== undefined) this.pointResiduals(newestResiduals, slot, cursor);
  }

  /** Points at the newest row itself, which the next `push` overwrites. */
  pointNewest(cursor: SampleCursor): void {
    cursor.layout = this.layout;
    cursor.time = this.timeOf(this.count - 1);
    cursor.values = this.newest;
    cursor.residuals = this.newestResiduals;
    cursor.base = 0;
  }

  /** Bytes held, for the documented cost per sample. */
  get bytes(): number {
    const { times, newest, newestResiduals, cells } = this;
    return times.byteLength + newest.byteLength + (newestResiduals?.byteLength ?? 0) + (cells?.bytes ?? 0);
  }

  private pointResiduals(newest: Int16Array, slot: number, cursor: DecodingCursor): void {
    if (cursor.residualRow === undefined || cursor.residualRow.length < newest.length) {
      cursor.residualRow = new Int16Array(newest.length);
    }
    const row = cursor.residualRow;
    row.set(newest);
    this.cells?.restoreResiduals(slot, row);
    cursor.residuals = row;
  }

  slot(index: number): number {
    const slot = this.first + index;
    return slot < this.capacity ? slot : slot - this.capacity;
  }

  private beginResiduals(): void {
    this.newestResiduals = new Int16Array(this.newest.length);
    this.cells = this.cells?.moved(this, this.cells.places(), true);
  }

  private takeFirst({ values, residuals }: SampleRow): void {
    const { newest, newestResiduals } = this;
    this.isUnused = false;
    for (let i = 0; i < newest.length; i++) newest[i] = values[i]!;
    if (newestResiduals !== undefined) for (let i = 0; i < newest.length; i++) newestResiduals[i] = residuals[i]!;
  }

  /** Overwrites the newest row, and notes which columns vary that did not before. @returns whether any differs */
  private takeDifferences({ values, residuals, newlyVarying }: SampleRow): boolean {
    const { newest, newestResiduals } = this;
    const columns = this.cells?.columns ?? NO_COLUMNS;
    const wholes = this.cells?.wholes ?? 0;
    newlyVarying.clear();
    let changed = false;
    let whole = 0;
    let other = wholes;
    for (let i = 0; i < newest.length; i++) {
      const value = values[i]!;
      const before = newest[i]!;
      let varies = true;
      if (whole < wholes && columns[whole] === i) whole++;
      else if (columns[other] === i) other++;
      else varies = false;
      const sameResidual = newestResiduals === undefined || newestResiduals[i] === residuals[i];
      if (sameResidual && (value === before || (Number.isNaN(value) && Number.isNaN(before)))) continue;
      changed = true;
      if (!varies) {
        newlyVarying.add(i, before, newestResiduals?.[i] ?? 0);
      }
      newest[i] = value;
      if (newestResiduals !== undefined) newestResiduals[i] = residuals[i]!;
    }
    return changed;
  }

  /** Stores these columns for each row: every row so far held what the newest one did before. */
  private widen({ columns, values, residuals }: NewlyVarying): void {
    const added = columns.map((column, i): Place => {
      const value = values[i]!;
      const origin = isNear(this.newest[column]!, value) ? value : Number.NaN;
      return { column, origin, source: -1, value, residual: residuals[i]! };
    });
    const cells = this.cells ?? new Cells([], this.capacity, false);
    this.cells = cells.moved(this, [...cells.places(), ...added], this.newestResiduals !== undefined);
  }

  private tidyCells(): void {
    const cells = this.cells?.tidied(this, this.newest, this.newestResiduals);
    this.cells = cells?.columns.length === 0 ? undefined : cells;
  }

  private storeCells(slot: number): void {
    const { newest, newestResiduals } = this;
    if (this.cells === undefined) return;
    for (;;) {
      const misfit = this.cells.store(slot, newest, newestResiduals);
      if (misfit < 0) return;
      const places = this.cells.places();
      places[misfit] = { ...places[misfit]!, origin: Number.NaN };
      this.cells = this.cells.moved(this, places, newestResiduals !== undefined);
    }
  }

  /** Grows to the size estimated for the whole duration: growing in small steps would leave garbage outside the heap. */
  private grow(time: number, durationUs: number): void {
    const needed = Math.ceil((durationUs / (time - this.timeOf(0))) * this.count) + 2;
    const { capacity } = this;
    this.resize(Math.min(Math.max(needed, Math.ceil(capacity * 1.25)), capacity * MAX_GROWTH_FACTOR));
  }

  /** Releases memory when a container is sampled far less often than before. */
  private shrink(): void {
    if (this.capacity > 2 * INITIAL_CAPACITY && this.count * 4 <= this.capacity) this.resize(this.capacity >> 1);
  }

  private resize(capacity: number): void {
    const times = new Float64Array(capacity);
    for (let i = 0; i < this.count; i++) times[i] = this.timeOf(i);
    this.times = times;
    this.cells = this.cells?.resized(this, capacity);
    this.first = 0;
    this.capacity = capacity;
  }
}

function bufferOf(cursor: DecodingCursor, width: number): Float64Array {
  if (cursor.row === undefined || cursor.row.length < width) cursor.row = new Float64Array(width);
  return cursor.row;
}
