import type { Clock } from '../contracts/index.js';

/** Maximum drift between the system clock and the monotonic clock before the base is set again. */
const MAX_DRIFT_MS = 2;

/**
 * Wall-clock time at microsecond resolution: `Date.now()` only has milliseconds, so it provides the base, to which the
 * monotonic clock is added. The base is set again when the system clock is changed.
 */
export function createClock(): Clock {
  let base = Date.now() - performance.now();
  return {
    now(): number {
      const monotonic = performance.now();
      const wall = Date.now();
      if (Math.abs(wall - (base + monotonic)) > MAX_DRIFT_MS) base = wall - monotonic;
      return Math.round((base + monotonic) * 1000);
    },
    monotonic: () => performance.now(),
  };
}
