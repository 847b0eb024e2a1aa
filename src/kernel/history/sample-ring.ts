import type { Layout, SampleCursor, SampleQuery, SampleWindow } from '../contracts/index.js';
import type { SampleRow } from './sample-row.js';

/** A clock set back by less than this is corrected; a larger step restarts the history. */
const MAX_CORRECTION_US = 1_000_000;

const INITIAL_CAPACITY = 4;
/** Maximum growth factor of a segment, because the estimate of its final size may be wrong. */
const MAX_GROWTH_FACTOR = 8;

/** Rows of one layout in a ring: row i (0 is the oldest) lies at slot `(first + i) % capacity`. */
class Segment {
  count = 0;
  private first = 0;
  private capacity = INITIAL_CAPACITY;
  private readonly width: number;
  private times = new Float64Array(INITIAL_CAPACITY);
  private values: Float64Array;
  private residuals: Int16Array | undefined;

  constructor(readonly layout: Layout) {
    this.width = layout.columns.length;
    this.values = new Float64Array(INITIAL_CAPACITY * this.width);
  }

  /** @param durationUs how long rows are kept */
  push(time: number, row: SampleRow, durationUs: number): void {
    if (this.count === this.capacity) this.grow(time, durationUs);
    const slot = this.slot(this.count++);
    this.times[slot] = time;
    const base = slot * this.width;
    const { values, width } = this;
    for (let i = 0; i < width; i++) values[base + i] = row.values[i]!;
    if (row.wide && this.residuals === undefined) this.residuals = new Int16Array(values.length);
    if (this.residuals !== undefined) for (let i = 0; i < width; i++) this.residuals[base + i] = row.residuals[i]!;
  }

  dropOldest(): void {
    this.first = (this.first + 1) % this.capacity;
    this.count--;
    this.shrink();
  }

  /** Releases memory when a container is sampled far less often than before. */
  private shrink(): void {
    if (this.capacity > 2 * INITIAL_CAPACITY && this.count * 4 <= this.capacity) this.resize(this.capacity >> 1);
  }

  timeOf(index: number): number {
    return this.times[this.slot(index)]!;
  }

  point(index: number, cursor: SampleCursor): void {
    const slot = this.slot(index);
    cursor.layout = this.layout;
    cursor.time = this.times[slot]!;
    cursor.values = this.values;
    cursor.residuals = this.residuals;
    cursor.base = slot * this.width;
  }

  /** Bytes held, for the documented cost per sample. */
  get bytes(): number {
    return this.times.byteLength + this.values.byteLength + (this.residuals?.byteLength ?? 0);
  }

  private slot(index: number): number {
    const slot = this.first + index;
    return slot < this.capacity ? slot : slot - this.capacity;
  }

  /** Grows to the size estimated for the whole duration: growing in small steps would leave garbage outside the heap. */
  private grow(time: number, durationUs: number): void {
    const needed = Math.ceil((durationUs / (time - this.timeOf(0))) * this.count) + 2;
    const { capacity } = this;
    this.resize(Math.min(Math.max(needed, Math.ceil(capacity * 1.25)), capacity * MAX_GROWTH_FACTOR));
  }

  private resize(capacity: number): void {
    const { width } = this;
    this.times = this.unwrapped(this.times, new Float64Array(capacity), 1);
    this.values = this.unwrapped(this.values, new Float64Array(capacity * width), width);
    if (this.residuals !== undefined) {
      this.residuals = this.unwrapped(this.residuals, new Int16Array(capacity * width), width);
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

/**
 * The samples of one container, oldest first, kept for `duration`. A new layout starts a new segment; old rows keep their
 * layout. The newest sample is always kept.
 */
export class SampleRing {
  private segments: Segment[] = [];

  /** @param duration how long samples are kept, relative to the newest, in µs */
  constructor(public duration: number) {}

  get length(): number {
    let length = 0;
    for (const segment of this.segments) length += segment.count;
    return length;
  }

  get bytes(): number {
    let bytes = 0;
    for (const segment of this.segments) bytes += segment.bytes;
    return bytes;
  }

  /** Time of the newest sample, 0 when there is none. */
  get latestTime(): number {
    const newest = this.segments.at(-1);
    return newest === undefined ? 0 : newest.timeOf(newest.count - 1);
  }

  /** @throws RangeError when the row was filled for another layout */
  push(layout: Layout, time: number, row: SampleRow): void {
    if (row.width !== layout.columns.length) {
      throw new RangeError(`a row of ${row.width} columns does not fit a layout of ${layout.columns.length}`);
    }
    let newest = this.segments.at(-1);
    if (newest?.layout !== layout) {
      newest = new Segment(layout);
      this.segments.push(newest);
    }
    this.evict(time - this.duration);
    newest.push(time, row, this.duration);
  }

  /** Removes all samples. */
  clear(): void {
    this.segments = [];
  }

  /** Points `cursor` at the newest sample. @returns false when there is none */
  latest(cursor: SampleCursor): boolean {
    const newest = this.segments.at(-1);
    if (newest === undefined) return false;
    newest.point(newest.count - 1, cursor);
    return true;
  }

  window(query: SampleQuery = {}): SampleWindow {
    const total = this.length;
    let from = query.start === undefined ? 0 : this.firstAtOrAfter(query.start, total);
    const to = query.end === undefined ? total : this.firstAfter(query.end, total);
    const count = query.count ?? -1;
    if (count >= 0) from = Math.max(from, to - count);
    const length = Math.max(0, to - from);
    return { length, at: (index, cursor) => this.point(from + index, cursor) };
  }

  private point(index: number, cursor: SampleCursor): SampleCursor {
    let rest = index;
    for (const segment of this.segments) {
      if (rest < segment.count) {
        segment.point(rest, cursor);
        return cursor;
      }
      rest -= segment.count;
    }
    throw new RangeError(`sample ${index} of ${this.length}`);
  }

  private timeOf(index: number): number {
    let rest = index;
    for (const segment of this.segments) {
      if (rest < segment.count) return segment.timeOf(rest);
      rest -= segment.count;
    }
    return Number.NaN;
  }

  private firstAtOrAfter(time: number, total: number): number {
    let index = 0;
    while (index < total && this.timeOf(index) < time) index++;
    return index;
  }

  private firstAfter(time: number, total: number): number {
    let index = total;
    while (index > 0 && this.timeOf(index - 1) > time) index--;
    return index;
  }

  /** Removes samples older than `horizon`. Called before a push, so the newest may be removed too. */
  private evict(horizon: number): void {
    let oldest = this.segments[0]!;
    while (this.segments.length > 1 || oldest.count > 0) {
      if (oldest.count > 0 && oldest.timeOf(0) >= horizon) break;
      if (oldest.count > 0) oldest.dropOldest();
      if (oldest.count === 0) {
        if (this.segments.length === 1) break;
        this.segments.shift();
        oldest = this.segments[0]!;
      }
    }
  }
}

/**
 * The time of a new entry, corrected to be later than the previous one; both in µs since the epoch.
 * @returns NaN when the clock was set back too far, so that the history must restart
 */
export function timeAfter(previous: number, now: number): number {
  if (now > previous) return now;
  return previous - now < MAX_CORRECTION_US ? previous + 1 : Number.NaN;
}
