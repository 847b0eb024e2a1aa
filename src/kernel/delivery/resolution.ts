import type { Layout, SampleCursor, SampleWindow } from '../contracts/index.js';

/** µs. Samples that are closer give no rate: two are 1 µs apart when the clock was set back between them. */
const SHORTEST = 10_000;

/** Makes one row of several samples of a container. */
export class ResolvedRow {
  private readonly cursor = {} as SampleCursor;
  /** The row before, in rate mode. */
  private before: { layout: Layout; time: number; values: Float64Array } | undefined;

  /** Gauges as the mean or the maximum of a window, whose last sample is `newest`; counters keep their last value. */
  aggregate(window: SampleWindow, newest: SampleCursor, how: 'mean' | 'max'): SampleCursor {
    const { layout, time } = newest;
    const count = layout.columns.length;
    const values = newest.values.slice(newest.base, newest.base + count);
    const isGauge = layout.columns.map(({ field }) => field.kind === 'gauge');
    const counts = new Float64Array(count).fill(1);
    for (let i = window.length - 2; i >= 0; i--) {
      const other = window.at(i, this.cursor);
      // The columns of another layout are different ones.
      if (other.layout !== layout) break;
      for (let c = 0; c < count; c++) {
        const value = other.values[other.base + c]!;
        if (!isGauge[c] || Number.isNaN(value) || Number.isNaN(values[c]!)) continue;
        if (how === 'max') values[c] = Math.max(values[c]!, value);
        else {
          values[c]! += value;
          counts[c]!++;
        }
      }
    }
    if (how === 'mean') for (let c = 0; c < count; c++) values[c]! /= counts[c]!;
    return { layout, time, values, residuals: undefined, base: 0 };
  }

  /** Counters as their increase per second since the row before. */
  rate({ layout, time, values, base }: SampleCursor): SampleCursor {
    const count = layout.columns.length;
    const row = values.slice(base, base + count);
    const { before } = this;
    this.before = { layout, time, values: row };
    const elapsed = before?.layout === layout ? time - before.time : Number.NaN;
    const rates = row.slice();
    for (let c = 0; c < count; c++) {
      if (layout.columns[c]!.field.kind !== 'counter') continue;
      const increase = elapsed >= SHORTEST ? row[c]! - before!.values[c]! : Number.NaN;
      // A counter that is smaller than before was reset.
      rates[c] = increase >= 0 ? increase / (elapsed / 1e6) : Number.NaN;
    }
    return { layout, time, values: rates, residuals: undefined, base: 0 };
  }
}
