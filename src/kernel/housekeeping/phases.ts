/** This many containers that were found one after the other are sampled at the same time. */
const GROUP = 32;
/** Steps of this part of the interval come to lie evenly over it, however many there are. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * Spreads the samples of all containers over the interval. Neighbors are sampled together: a few containers need one
 * wake-up in an interval, and an answer finds neighbors that have not changed since the last one. Agents differ, so that
 * hosts do not sample in lockstep.
 */
export class Phases {
  /** Of the current group, as a fraction of the interval. */
  private phase = Math.random();
  private members = 0;

  /** The last time up to `now` at which the next container would have been due, both in monotonic ms. */
  next(now: number, interval: number): number {
    if (this.members === GROUP) {
      this.members = 0;
      this.phase = (this.phase + GOLDEN_RATIO) % 1;
    }
    this.members++;
    const offset = this.phase * interval;
    const last = Math.floor((now - offset) / interval) * interval + offset;
    // Rounding may put it a little later.
    return Math.min(now, last);
  }
}
