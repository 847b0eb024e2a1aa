import type { Percentiles } from '../contracts/index.js';

/** The result for an empty set. */
export const NO_PERCENTILES: Percentiles = Object.freeze({
  present: false,
  mean: 0,
  std: 0,
  max: 0,
  fifty: 0,
  ninety: 0,
  ninetyfive: 0,
  count: 0,
});

/** Incremental mean, not truncated. The order of operations determines the last digit and must match cAdvisor's. */
export function meanOf(values: readonly number[]): number {
  let mean = 0;
  for (let i = 0; i < values.length; i++) mean = (mean * i + values[i]!) / (i + 1);
  return mean;
}

/** Sample standard deviation around the mean, truncated; 0 for fewer than two values. */
function deviationOf(values: readonly number[], mean: number): number {
  if (values.length < 2) return 0;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.trunc(Math.sqrt(squares / (values.length - 1)));
}

/**
 * The `share` (0 … 1) percentile of an ascending list, truncated. Position is 1-based `share × (n + 1)`, interpolated
 * except at the first and last value.
 */
export function percentileOf(sorted: readonly number[], share: number): number {
  const count = sorted.length;
  const position = share * (count + 1);
  const index = Math.floor(position);
  const fraction = position - index;
  const low = sorted[Math.min(Math.max(index, 1), count) - 1]!;
  if (index <= 1 || index >= count) return Math.trunc(low);
  return Math.trunc(low + fraction * (sorted[index]! - low));
}

/** Percentiles of one quantity. */
export function percentilesOf(values: readonly number[]): Percentiles {
  if (values.length === 0) return NO_PERCENTILES;
  const sorted = Float64Array.from(values).sort();
  const list = Array.from(sorted);
  const mean = meanOf(values);
  return {
    present: true,
    mean: Math.trunc(mean),
    std: deviationOf(values, mean),
    max: list.at(-1)!,
    fifty: percentileOf(list, 0.5),
    ninety: percentileOf(list, 0.9),
    ninetyfive: percentileOf(list, 0.95),
    count: values.length,
  };
}

/** Aggregates minute values: max of max, mean of means, percentiles and deviation of the minutes' 90th percentiles. */
export function aggregateOf(
  maxima: readonly number[],
  means: readonly number[],
  nineties: readonly number[],
): Percentiles {
  if (nineties.length === 0) return NO_PERCENTILES;
  let max = 0;
  for (const value of maxima) max = Math.max(max, value);
  return { ...percentilesOf(nineties), max, mean: Math.trunc(meanOf(means)) };
}
