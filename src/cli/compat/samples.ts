import { type Difference, textOf, typeOf } from './difference.js';
import type { Leaf, Sample, Series } from './flatten.js';

/** The files of a sample are read around its time, not at it: closer samples of the other agent, ms, bound nothing. */
const READ_TIME = 100;
/** An idle container's files may have been read this long, ms, before the sample that shows them. */
const IDLE_AGE = 10_000;
/** Each agent measures filesystems at an interval of its own, ms. */
const FILESYSTEM_AGE = 60_000;
const FILESYSTEM = /(^|\.)filesystem\[/;
/** What may fall although it has risen so far. */
const GAUGE =
  /memory\.(?!.*(fault|failcnt|pgscan|pgsteal|workingset_|events))|\.(available|usage|inodes_free|inodes)$|processes\.|task|load|tcp6?\.|udp6?\./;
/** Gauges of the same thing may differ by this share, or by this much, from one moment to the next. */
const GAUGE_SHARE = 0.5;
const GAUGE_FLOOR = 64 * 2 ** 20;
/** Numbers that are derived from the agent's own rhythm, or that are averages of a moving window. */
const DERIVED = /(^|\.)(timestamp|cpu_inst\.|load_average|load_d_average|.*avg(10|60|300)|health\.streak)/;

/**
 * Compares two lists of samples: the keys of the newest ones, and the values of the new agent's samples with those that
 * the old one took before and after. A counter lies between them; a gauge stays in their range, roughly.
 */
export function compareSeries(path: string, old: Series, fresh: Series): Difference[] {
  const [last, freshLast] = [old.samples.at(-1)!, fresh.samples.at(-1)!];
  const differences: Difference[] = [];
  const add = (kind: Difference['kind'], key: string, before: string, after: string) =>
    differences.push({ kind, path: `${path}[].${key}`, old: before, new: after });
  for (const [key, leaf] of last.leaves) {
    const other = freshLast.leaves.get(key);
    if (other === undefined) add('missing', key, textOf(leaf), '');
    else if (typeOf(leaf) !== typeOf(other)) add('type', key, textOf(leaf), textOf(other));
    else if (typeof leaf === 'number') {
      const wrong = DERIVED.test(key) ? undefined : wrongNumber(key, numbersOf(key, old), numbersOf(key, fresh));
      if (wrong !== undefined) add('value', key, wrong.old, wrong.new);
    } else if (typeof leaf !== 'object' && leaf !== other && !DERIVED.test(key))
      add('value', key, textOf(leaf), textOf(other));
  }
  for (const [key, leaf] of freshLast.leaves) {
    if (!last.leaves.has(key)) add('extra', key, '', textOf(leaf));
  }
  return differences;
}

interface Reading {
  readonly at: number;
  readonly value: number;
}

function numbersOf(key: string, { samples }: Series): Reading[] {
  return samples.flatMap(({ at, leaves }: Sample) => {
    const value: Leaf | undefined = leaves.get(key);
    return typeof value === 'number' ? [{ at, value }] : [];
  });
}

interface Wrong {
  readonly old: string;
  readonly new: string;
}

function wrongNumber(key: string, old: readonly Reading[], fresh: readonly Reading[]): Wrong | undefined {
  if (isRising(old) && isRising(fresh) && !GAUGE.test(key)) {
    const isFilesystem = FILESYSTEM.test(key);
    const before = READ_TIME + (isFilesystem ? FILESYSTEM_AGE : IDLE_AGE);
    return outOfBounds(old, fresh, before, isFilesystem ? FILESYSTEM_AGE : READ_TIME);
  }
  const [one, other] = [old.map(({ value }) => value), fresh.map(({ value }) => value)];
  return isAnotherAmount(one, other) ? { old: rangeOf(one), new: rangeOf(other) } : undefined;
}

function isRising(readings: readonly Reading[]): boolean {
  return readings.every(({ value }, index) => index === 0 || value >= readings[index - 1]!.value);
}

/**
 * The first new reading that is not between the old ones around it. Where one side is missing, the other one bounds;
 * where both are, the amount has to be of the same order.
 * @param before how much older than a reading, ms, an old one must be to be less for certain
 * @param after how much newer, ms, to be more
 */
function outOfBounds(
  old: readonly Reading[],
  fresh: readonly Reading[],
  before: number,
  after: number,
): Wrong | undefined {
  for (const { at, value } of fresh) {
    const least = old.findLast((each) => each.at <= at - before)?.value;
    const most = old.find((each) => each.at >= at + after)?.value;
    const isUnbounded = least === undefined && most === undefined;
    if (isUnbounded && isAnotherAmount([old.at(-1)!.value], [value])) {
      return { old: `about ${old.at(-1)!.value}`, new: String(value) };
    }
    if ((least === undefined || value >= least) && (most === undefined || value <= most)) continue;
    return { old: `${least ?? '?'} to ${most ?? '?'} at ${new Date(at).toISOString()}`, new: String(value) };
  }
  return undefined;
}

/** Whether two sets of readings of a gauge are too far apart to be of the same thing. */
export function isAnotherAmount(old: readonly number[], fresh: readonly number[]): boolean {
  const gap = Math.max(Math.min(...fresh) - Math.max(...old), Math.min(...old) - Math.max(...fresh));
  if (gap <= 0) return false;
  const isSteady = new Set(old).size === 1 && new Set(fresh).size === 1 && old.length > 1 && fresh.length > 1;
  if (isSteady) return true;
  const largest = Math.max(...old, ...fresh);
  return gap > Math.max(largest * GAUGE_SHARE, Math.min(GAUGE_FLOOR, largest));
}

function rangeOf(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? String(least) : `${least} to ${most}`;
}
