/** What is shown of a container, by the names that pages use. */
export const QUANTITIES = [
  'cpu',
  'periods',
  'throttledPeriods',
  'memoryUsage',
  'workingSet',
  'received',
  'sent',
  'read',
  'written',
  'cpuPressure',
  'memoryPressure',
  'ioPressure',
] as const;
export type Quantity = (typeof QUANTITIES)[number];

/**
 * One sample of a container. CPU time in nanoseconds, memory and traffic in bytes, pressure in percent of the last ten
 * seconds; all but memory and pressure count from the container's beginning. NaN is what it does not have.
 */
export interface Reading extends Readonly<Record<Quantity, number>> {
  /** ms since the epoch */
  readonly time: number;
}

/** What a container may use; absent: as much as there is. */
export interface Limits {
  /** CPUs, by its quota. */
  readonly cores?: number;
  /** bytes */
  readonly memory?: number;
}

/** Pages show this many ms, which is what the agent remembers by default. */
export const SPAN = 120_000;
/** Samples are at least this many ms apart. */
export const LEAST_INTERVAL = 1000;
/** Seconds. Samples that are closer give no rate: two are 1 µs apart when the clock was set back between them. */
const SHORTEST = 0.01;

/** Those of the last `SPAN`. @param readings oldest first */
export function recent(readings: readonly Reading[]): readonly Reading[] {
  const newest = readings.at(-1)?.time ?? 0;
  return readings.filter(({ time }) => time >= newest - SPAN);
}

/** Those known and those just read, oldest first. After the clock was set back only what was read. */
export function merged(known: readonly Reading[], read: readonly Reading[]): readonly Reading[] {
  const newest = known.at(-1)?.time ?? 0;
  if ((read.at(-1)?.time ?? newest) < newest) return recent(read);
  return recent([...known, ...read.filter(({ time }) => time > newest)]);
}

/**
 * Growth per second between two adjacent readings.
 * @returns NaN when it is unknown: one of them lacks it, the counter began anew, or time stood still
 */
export function rateOf(quantity: Quantity, last: Reading | undefined, current: Reading | undefined): number {
  if (last === undefined || current === undefined) return Number.NaN;
  return perSecond(current[quantity] - last[quantity], (current.time - last.time) / 1000);
}

/** Growth of a counter per second. @returns NaN when it is unknown: the counter began anew, or time stood still */
export function perSecond(growth: number, seconds: number): number {
  return seconds >= SHORTEST && growth >= 0 ? growth / seconds : Number.NaN;
}

/** CPUs that were busy on average between two adjacent readings. */
export function coresOf(last: Reading | undefined, current: Reading | undefined): number {
  return rateOf('cpu', last, current) / 1e9;
}
