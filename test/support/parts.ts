import type { Column, Probe, RowWriter, SampleOutcome } from '../../src/kernel/contracts/index.js';
import { SampleRow } from '../../src/kernel/history/index.js';
import type { Part, PartOutcome } from '../../src/plugins/metric-sources/common/index.js';

/** A part of one column that writes 1 and does as its options say. */
export class RecordingPart implements Part {
  columns: readonly Column[];
  samples = 0;
  closed = false;
  /** Writes nothing. */
  silent = false;

  constructor(
    name: string,
    public outcome: PartOutcome = 'ok',
  ) {
    this.columns = [{ field: { name, unit: 'count', kind: 'gauge', help: '', source: {} } }];
  }

  sample(row: RowWriter, base: number): PartOutcome {
    this.samples++;
    if (!this.silent) row.set(base, 1);
    return this.outcome;
  }

  close(): void {
    this.closed = true;
  }
}

/**
 * What one call of `sample` says and writes.
 * @param previous numbers that it may repeat
 */
export function rowOf(probe: Probe, previous?: readonly number[]): { outcome: SampleOutcome; values: number[] } {
  const row = new SampleRow();
  const width = probe.columns.length;
  row.begin(width, previous && { values: Float64Array.from(previous), residuals: undefined, base: 0 });
  return { outcome: probe.sample(row), values: [...row.values.subarray(0, width)] };
}
