import type { Layout, SampleCursor, SampleQuery, SampleWindow } from '../contracts/index.js';
import type { SampleRow } from './sample-row.js';
import { Segment } from './segment.js';

/** A clock set back by less than this is corrected; a larger step restarts the history. */
const MAX_CORRECTION_US = 1_000_000;

/**
 * The samples of one container, oldest first, kept for `duration`. A new layout starts a new segment; old rows keep their
 * layout. The newest sample is always kept.
 */
export class SampleRing {
  private segments: Segment[] = [];

  /** @param duration how long samples are kept, relative to the newest, in µs */
  constructor(public duration: number) {}

  get length(): number {
    const { segments } = this;
    let length = 0;
    for (let i = 0; i < segments.length; i++) length += segments[i]!.count;
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

  /**
   * @returns whether any number differs from the previous sample, or its layout
   * @throws RangeError when the row was filled for another layout
   */
  push(layout: Layout, time: number, row: SampleRow): boolean {
    if (row.width !== layout.columns.length) {
      throw new RangeError(`a row of ${row.width} columns does not fit a layout of ${layout.columns.length}`);
    }
    let newest = this.segments.at(-1);
    if (newest?.layout !== layout) {
      newest = new Segment(layout);
      // A list that is pushed to takes room for 17; nearly all have one.
      this.segments = this.segments.length === 0 ? [newest] : [...this.segments, newest];
    }
    this.evict(time - this.duration);
    return newest.push(time, row, this.duration);
  }

  /** Adds a sample with the numbers of the newest one. There must be one. */
  repeat(time: number): void {
    const newest = this.segments.at(-1)!;
    this.evict(time - this.duration);
    newest.repeat(time, this.duration);
  }

  /** Removes all samples. */
  clear(): void {
    this.segments = [];
  }

  /** Points `cursor` at the newest sample, until the next one is added. @returns false when there is none */
  latest(cursor: SampleCursor): boolean {
    const newest = this.segments.at(-1);
    if (newest === undefined) return false;
    newest.pointNewest(cursor);
    return true;
  }

  window(query: SampleQuery = {}): SampleWindow {
    const total = this.length;
    if (query.count === 1 && query.start === undefined && query.end === undefined && total > 0)
      return this.newestOnly();
    let from = query.start === undefined ? 0 : this.countBefore(query.start, total, false);
    const to = query.end === undefined ? total : this.countBefore(query.end, total, true);
    const count = query.count ?? -1;
    if (count >= 0) from = Math.max(from, to - count);
    const length = Math.max(0, to - from);
    return { length, at: (index, cursor) => this.point(from + index, cursor) };
  }

  /** The newest row is kept whole, so that nothing need be decoded. */
  private newestOnly(): SampleWindow {
    const at = (index: number, cursor: SampleCursor): SampleCursor => {
      if (index !== 0) throw new RangeError(`sample ${index} of 1`);
      this.latest(cursor);
      return cursor;
    };
    return { length: 1, at };
  }

  private point(index: number, cursor: SampleCursor): SampleCursor {
    const { segments } = this;
    let rest = index;
    for (let i = 0; i < segments.length; i++) {
      const segment = segments[i]!;
      if (rest < segment.count) {
        segment.point(rest, cursor);
        return cursor;
      }
      rest -= segment.count;
    }
    throw new RangeError(`sample ${index} of ${this.length}`);
  }

  private timeOf(index: number): number {
    const { segments } = this;
    let rest = index;
    for (let i = 0; i < segments.length; i++) {
      const segment = segments[i]!;
      if (rest < segment.count) return segment.timeOf(rest);
      rest -= segment.count;
    }
    return Number.NaN;
  }

  /** How many samples are older than `time`; with `inclusive` also those of that time. */
  private countBefore(time: number, total: number, inclusive: boolean): number {
    let low = 0;
    let high = total;
    while (low < high) {
      const middle = (low + high) >> 1;
      const candidate = this.timeOf(middle);
      if (candidate < time || (inclusive && candidate === time)) low = middle + 1;
      else high = middle;
    }
    return low;
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
