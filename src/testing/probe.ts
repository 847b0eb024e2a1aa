import assert from 'node:assert/strict';
import type { Absent, Column, MetricSource, Probe, ProbeTarget } from '../kernel/contracts/index.js';
import { SampleRow } from '../kernel/history/index.js';

/** A probe must settle on its columns within a few calls. */
const MAX_LAYOUTS = 4;

/** Name of a column as tests write it: `cpu.usage.per_cpu{0}`. */
export function nameOf({ field, labels }: Column): string {
  return labels === undefined ? field.name : `${field.name}{${labels.join(',')}}`;
}

/** One sample of a probe: column name → value, exact beyond 2^53; absent columns are left out. `undefined`: it ended. */
export function sampleOf(probe: Probe): Record<string, number | bigint> | undefined {
  const row = new SampleRow();
  for (let tries = 0; tries < MAX_LAYOUTS; tries++) {
    row.begin(probe.columns.length);
    const outcome = probe.sample(row);
    if (outcome === 'ended') return undefined;
    if (outcome === 'ok') return Object.fromEntries(probe.columns.flatMap((column, i) => cellOf(row, column, i)));
  }
  return assert.fail('the columns change at every sample');
}

function cellOf(row: SampleRow, column: Column, i: number): [string, number | bigint][] {
  const value = row.values[i]!;
  if (Number.isNaN(value)) return [];
  const exact = Math.abs(value) >= 2 ** 53 ? BigInt(value) + BigInt(row.wide ? row.residuals[i]! : 0) : value;
  return [[nameOf(column), exact]];
}

/** Attaches a source that is expected to have something for the target. */
export function attached(source: MetricSource, target: ProbeTarget): Probe {
  const result = source.attach(target);
  assert.ok(!('absent' in result), 'absent' in result ? result.absent : '');
  return result;
}

/** Attaches a source that is expected to have nothing for the target. */
export function absent(source: MetricSource, target: ProbeTarget): Absent {
  const result = source.attach(target);
  assert.ok('absent' in result);
  return result;
}
