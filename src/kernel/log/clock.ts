import type { Clock } from '../contracts/index.js';

/** The system clock may drift this many ms from the monotonic one before the two are matched anew. */
const TOLERANCE = 2;

/**
 * Wall-clock time at microsecond resolution: `Date.now()` only has milliseconds, so it sets the base and the monotonic
 * clock counts on from there, until somebody sets the system clock.
 */
export function createClock(): Clock {
  let base = Date.now() - performance.now();
  return {
    now(): number {
      const monotonic = performance.now();
      const wall = Date.now();
      if (Math.abs(wall - (base + monotonic)) > TOLERANCE) base = wall - monotonic;
      return Math.round((base + monotonic) * 1000);
    },
    monotonic: () => performance.now(),
  };
}
