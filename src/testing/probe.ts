import assert from 'node:assert/strict';
import type { Absent, Column, MetricSource, Probe, ProbeTarget } from '../kernel/contracts/index.js';
import { SampleRow } from '../kernel/history/index.js';

/** A probe's columns must be stable after this many calls. */
const MAX_LAYOUTS = 4;

/** Name of a column as tests write it: `cpu.usage.per_cpu{0}`. */
export function nameOf({ field, labels }: Column): string {
  return labels === undefined ? field.name : `${field.name}{${labels.join(',')}}`;
}

/** One sample of a probe: column name → exact value; absent columns are omitted. `undefined`: it ended. */
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

/** Attaches a source that must return a probe. */
export function attached(source: MetricSource, target: ProbeTarget): Probe {
  const result = source.attach(target);
  assert.ok(!('absent' in result), 'absent' in result ? result.absent : '');
  return result;
}

/** Attaches a source that must be absent. */
export function absent(source: MetricSource, target: ProbeTarget): Absent {
  const result = source.attach(target);
  assert.ok('absent' in result);
  return result;
}
