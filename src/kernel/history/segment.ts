import type { Layout, SampleCursor } from '../contracts/index.js';
import type { NewlyVarying, SampleRow } from './sample-row.js';

const INITIAL_CAPACITY = 4;
/** Maximum growth factor of a segment, because the estimate of its final size may be wrong. */
const MAX_GROWTH_FACTOR = 8;
/** Part of the varying columns that must have stopped varying before they are merged back into the newest row. */
const NARROW_SHARE = 1 / 4;
const NO_CELLS = new Float64Array(0);
const NO_COLUMNS = new Uint16Array(0);

/** A cursor keeps the buffers that rows are decoded into. */
interface DecodingCursor extends SampleCursor {
  row?: Float64Array;
  residualRow?: Int16Array;
}

/**
 * Rows of one layout. Most columns of most containers never change, so the newest row is kept whole, and older ones only
 * by the columns that differ between any two rows: sample i (0 is the oldest) has its varying values at slot
 * `(first + i) % capacity`.
 */
export class Segment {
  count = 0;
  private isUnused = true;
  private first = 0;
  private capacity = INITIAL_CAPACITY;
  private times = new Float64Array(INITIAL_CAPACITY);
  private readonly newest: Float64Array;
  private newestResiduals: Int16Array | undefined;
  /** Varying columns, ascending. */
  private varying: Uint16Array = NO_COLUMNS;
  private cells = NO_CELLS;
  private cellResiduals: Int16Array | undefined;

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
    const slot = this.slot(this.count++);
    this.times[slot] = time;
    const { varying, newest, newestResiduals, cells } = this;
    const base = slot * varying.length;
    for (let i = 0; i < varying.length; i++) cells[base + i] = newest[varying[i]!]!;
    if (newestResiduals === undefined) return;
    for (let i = 0; i < varying.length; i++) this.cellResiduals![base + i] = newestResiduals[varying[i]!]!;
  }

  dropOldest(): void {
    this.first++;
    this.count--;
    if (this.first === this.capacity) {
      this.first = 0;
      this.narrow();
    }
    this.shrink();
  }

  timeOf(index: number): number {
    return this.times[this.slot(index)]!;
  }

  /** Decodes a row into the cursor's own buffers. */
  point(index: number, cursor: DecodingCursor): void {
    const { newest, newestResiduals, varying } = this;
    const slot = this.slot(index);
    cursor.layout = this.layout;
    cursor.time = this.times[slot]!;
    cursor.base = 0;
    const row = bufferOf(cursor, newest.length);
    row.set(newest);
    cursor.values = row;
    cursor.residuals = undefined;
    const from = slot * varying.length;
    for (let i = 0; i < varying.length; i++) row[varying[i]!] = this.cells[from + i]!;
    if (newestResiduals !== undefined) this.pointResiduals(newestResiduals, from, cursor);
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
    const { times, newest, newestResiduals, varying, cells, cellResiduals } = this;
    const residualBytes = (newestResiduals?.byteLength ?? 0) + (cellResiduals?.byteLength ?? 0);
    return times.byteLength + newest.byteLength + varying.byteLength + cells.byteLength + residualBytes;
  }

  private pointResiduals(newest: Int16Array, from: number, cursor: DecodingCursor): void {
    if (cursor.residualRow === undefined || cursor.residualRow.length < newest.length) {
      cursor.residualRow = new Int16Array(newest.length);
    }
    const row = cursor.residualRow;
    row.set(newest);
    for (let i = 0; i < this.varying.length; i++) row[this.varying[i]!] = this.cellResiduals![from + i]!;
    cursor.residuals = row;
  }

  private slot(index: number): number {
    const slot = this.first + index;
    return slot < this.capacity ? slot : slot - this.capacity;
  }

  private beginResiduals(): void {
    this.newestResiduals = new Int16Array(this.newest.length);
    this.cellResiduals = new Int16Array(this.cells.length);
  }

  private takeFirst({ values, residuals }: SampleRow): void {
    const { newest, newestResiduals } = this;
    this.isUnused = false;
    for (let i = 0; i < newest.length; i++) newest[i] = values[i]!;
    if (newestResiduals !== undefined) for (let i = 0; i < newest.length; i++) newestResiduals[i] = residuals[i]!;
  }

  /** Overwrites the newest row, and notes which columns vary that did not before. @returns whether any differs */
  private takeDifferences({ values, residuals, newlyVarying }: SampleRow): boolean {
    const { newest, newestResiduals, varying } = this;
    newlyVarying.clear();
    let changed = false;
    let next = 0;
    for (let i = 0; i < newest.length; i++) {
      const value = values[i]!;
      const before = newest[i]!;
      const varies = varying[next] === i;
      if (varies) next++;
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
  private widen(added: NewlyVarying): void {
    const old = this.varying;
    const varying = Uint16Array.from([...old, ...added.columns]).sort();
    this.rearrange(
      varying,
      Array.from(varying, (column) => old.indexOf(column)),
      added,
    );
  }

  /** Stores only the newest value of columns that no longer differ between rows, when that saves enough. */
  private narrow(): void {
    const { varying } = this;
    if (varying.length === 0 || this.count === 0) return;
    const sources = [...varying.keys()].filter((place) => !this.isConstant(place));
    if (varying.length - sources.length < varying.length * NARROW_SHARE) return;
    const kept = Uint16Array.from(sources, (place) => varying[place]!);
    this.rearrange(kept, sources);
  }

  private isConstant(place: number): boolean {
    const width = this.varying.length;
    const column = this.varying[place]!;
    for (let i = 0; i < this.count; i++) {
      const at = this.slot(i) * width + place;
      if (!Object.is(this.cells[at], this.newest[column])) return false;
      if (this.cellResiduals !== undefined && this.cellResiduals[at] !== this.newestResiduals![column]) return false;
    }
    return true;
  }

  /**
   * Stores the varying values of all rows anew.
   * @param sources where each column was among the varying ones; −1: all rows have the value in `added`
   */
  private rearrange(varying: Uint16Array, sources: readonly number[], added?: NewlyVarying): void {
    const { cells, cellResiduals } = this;
    const [from, to] = [this.varying.length, varying.length];
    this.cells = to === 0 ? NO_CELLS : new Float64Array(this.capacity * to);
    this.cellResiduals = cellResiduals && new Int16Array(this.cells.length);
    for (const [k, source] of sources.entries()) {
      const known = source < 0 ? added!.columns.indexOf(varying[k]!) : -1;
      for (let i = 0; i < this.count; i++) {
        const slot = this.slot(i);
        const [target, origin] = [slot * to + k, slot * from + source];
        this.cells[target] = source < 0 ? added!.values[known]! : cells[origin]!;
        if (this.cellResiduals === undefined) continue;
        this.cellResiduals[target] = source < 0 ? added!.residuals[known]! : cellResiduals![origin]!;
      }
    }
    this.varying = varying;
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
    const width = this.varying.length;
    this.times = this.unwrapped(this.times, new Float64Array(capacity), 1);
    if (width > 0) this.cells = this.unwrapped(this.cells, new Float64Array(capacity * width), width);
    if (width > 0 && this.cellResiduals !== undefined) {
      this.cellResiduals = this.unwrapped(this.cellResiduals, new Int16Array(capacity * width), width);
    }
    this.first = 0;
    this.capacity = capacity;
  }

  /** Copies all rows in order, oldest first. */
  private unwrapped<T extends Float64Array | Int16Array>(from: T, to: T, width: number): T {
    const beforeWrap = Math.min(this.count, this.capacity - this.first);
    to.set(from.subarray(this.first * width, (this.first + beforeWrap) * width));
    to.set(from.subarray(0, (this.count - beforeWrap) * width), beforeWrap * width);
    return to;
  }
}

function bufferOf(cursor: DecodingCursor, width: number): Float64Array {
  if (cursor.row === undefined || cursor.row.length < width) cursor.row = new Float64Array(width);
  return cursor.row;
}
