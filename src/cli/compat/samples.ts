import { compareLeaves, type Difference, type Leaf, type Sample, type Series, textOf, typeOf } from './leaves.js';

/** Files are read around the time of a sample, so closer samples of the other agent are no bounds. */
const READ_TIME_MS = 100;
/** Maximum age of the values in a sample of an idle container. */
const IDLE_AGE_MS = 10_000;
/** Maximum interval at which agents measure filesystems. */
const FILESYSTEM_AGE_MS = 60_000;
const FILESYSTEM = /(^|\.)filesystem\[/;
/** Values that may decrease. */
const GAUGE =
  /memory\.(?!.*(fault|failcnt|pgscan|pgsteal|workingset_|events))|\.(available|usage|inodes_free|inodes)$|processes\.|task|load|tcp6?\.|udp6?\./;
/** Gauges may differ by this share, or by this many bytes, from one moment to the next. */
const GAUGE_SHARE = 0.5;
const GAUGE_FLOOR = 64 * 2 ** 20;
/** Values that depend on the agent's interval, and moving averages. */
const DERIVED = /(^|\.)(timestamp|cpu_inst\.|load_average|load_d_average|.*avg(10|60|300)|health\.streak)/;

/**
 * Compares two lists of samples: the keys of the newest ones, and the values of the new agent's samples with those that
 * the old one took before and after. A counter must be between them, a gauge approximately in their range.
 */
export function compareSeries(path: string, old: Series, current: Series): Difference[] {
  const [last, currentLast] = [old.samples.at(-1)!, current.samples.at(-1)!];
  const differences = compareLeaves(last.leaves, currentLast.leaves, (key, leaf, other) => {
    const different = (kind: Difference['kind'], mismatch: Mismatch = { old: textOf(leaf), new: textOf(other) }) => [
      { kind, path: key, ...mismatch },
    ];
    if (typeOf(leaf) !== typeOf(other)) return different('type');
    if (DERIVED.test(key) || typeof leaf === 'object') return [];
    if (typeof leaf !== 'number') return leaf === other ? [] : different('value');
    const mismatch = findMismatch(key, numbersOf(key, old), numbersOf(key, current));
    return mismatch === undefined ? [] : different('value', mismatch);
  });
  return differences.map((each) => ({ ...each, path: `${path}[].${each.path}` }));
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

type Mismatch = Pick<Difference, 'old' | 'new'>;

function findMismatch(key: string, old: readonly Reading[], current: readonly Reading[]): Mismatch | undefined {
  if (isRising(old) && isRising(current) && !GAUGE.test(key)) {
    const isFilesystem = FILESYSTEM.test(key);
    const before = READ_TIME_MS + (isFilesystem ? FILESYSTEM_AGE_MS : IDLE_AGE_MS);
    return outOfBounds(old, current, before, isFilesystem ? FILESYSTEM_AGE_MS : READ_TIME_MS);
  }
  const [one, other] = [old.map(({ value }) => value), current.map(({ value }) => value)];
  return isAnotherAmount(one, other) ? { old: rangeOf(one), new: rangeOf(other) } : undefined;
}

function isRising(readings: readonly Reading[]): boolean {
  return readings.every(({ value }, index) => index === 0 || value >= readings[index - 1]!.value);
}

/**
 * The first new reading that is not between the old ones around it. If one of them is missing, the other one is the
 * bound; if both are, the values must be of the same order.
 * @param before how much older than a reading, ms, an old one must be to be less for certain
 * @param after how much newer, ms, to be more
 */
function outOfBounds(
  old: readonly Reading[],
  current: readonly Reading[],
  before: number,
  after: number,
): Mismatch | undefined {
  for (const { at, value } of current) {
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

/** Whether two sets of readings of a gauge are too far apart. */
export function isAnotherAmount(old: readonly number[], current: readonly number[]): boolean {
  const gap = Math.max(Math.min(...current) - Math.max(...old), Math.min(...old) - Math.max(...current));
  if (gap <= 0) return false;
  const isSteady = new Set(old).size === 1 && new Set(current).size === 1 && old.length > 1 && current.length > 1;
  if (isSteady) return true;
  const largest = Math.max(...old, ...current);
  return gap > Math.max(largest * GAUGE_SHARE, Math.min(GAUGE_FLOOR, largest));
}

function rangeOf(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? String(least) : `${least} to ${most}`;
}
