/** A clock that went back less than this is straightened, beyond it a history begins anew. µs */
const SMALL_STEP = 1_000_000;

/**
 * The time of an entry, made to come after the one before; both µs since the epoch.
 * @returns NaN when the clock was set back, so that the history begins anew
 */
export function timeAfter(previous: number, now: number): number {
  if (now > previous) return now;
  return previous - now < SMALL_STEP ? previous + 1 : Number.NaN;
}
