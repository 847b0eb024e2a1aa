/** A way to use less. */
export interface Reduction {
  /**
   * Does less.
   * @param need how much less should be used
   * @returns how much less will be used; 0: nothing is left to give up
   */
  giveUp(need: number): number;
  /**
   * Does again what was given up, as far as there is room.
   * @param room how much more may be used
   * @returns how much more will be used
   */
  takeBack(room: number): number;
  /** Whether anything is given up. */
  readonly isActive: boolean;
  /** Whether it is too harsh for pressure alone, which other processes of the host cause too. */
  readonly onlyAboveLimit?: boolean;
}

/** How one resource is used. */
export interface Use {
  /** In the unit of the resource, averaged if it varies. */
  readonly used: number;
  /** What may be used; `undefined`: there is no limit. */
  readonly limit: number | undefined;
  /** Whether the kernel makes the agent wait for the resource. */
  readonly isPressed: boolean;
}

export interface ControlTimes {
  /** How long the effect of a change takes to show in `used`, ms. */
  readonly settleMs: number;
  /** How long there must have been room before something is taken back, ms. */
  readonly holdMs: number;
}

/** Shares of the limit: above `HIGH` something is given up, below `LOW` something is taken back, both towards `TARGET`. */
const HIGH = 0.9;
const TARGET = 0.8;
const LOW = 0.7;
/** What is given up for pressure alone, as a share of the limit. */
const PRESSED_SHARE = 0.1;
/** What has to be given up again within this time was taken back too early, ms. */
const RELAPSE_MS = 600_000;
/** Waiting time after relapses, as a multiple of `holdMs`. */
const MAX_HOLD_FACTOR = 16;

/**
 * Keeps one resource within its limit. Nothing swings: a change is judged only when its effect shows, something is taken
 * back only when the prediction stays below the point at which it would be given up again, and the waiting time doubles
 * each time that this was wrong.
 */
export class Control {
  /** Whether more than the limit is used although nothing is left to give up. */
  isExhausted = false;
  /** Changes since the start. */
  changes = 0;
  private changedAt = Number.NEGATIVE_INFINITY;
  private tookBackAt = Number.NEGATIVE_INFINITY;
  private holdFactor = 1;

  /** @param reductions in the order in which they are used */
  constructor(
    private readonly times: ControlTimes,
    private readonly reductions: readonly Reduction[],
  ) {}

  /** @param now monotonic ms @returns whether anything changed */
  check(now: number, { used, limit, isPressed }: Use): boolean {
    if (limit === undefined) {
      this.isExhausted = false;
      return this.changed(now, this.takeBack(Number.POSITIVE_INFINITY) > 0);
    }
    if (used > limit * HIGH || isPressed)
      return this.reduce(now, Math.max(used - limit * TARGET, isPressed ? limit * PRESSED_SHARE : 0), used / limit);
    this.isExhausted = false;
    if (used >= limit * LOW || now - this.changedAt < this.times.holdMs * this.holdFactor) return false;
    if (this.takeBack(limit * TARGET - used) === 0) return false;
    this.tookBackAt = now;
    return this.changed(now, true);
  }

  /** @param share what is used, as a share of the limit */
  private reduce(now: number, need: number, share: number): boolean {
    if (now - this.changedAt < this.times.settleMs) return false;
    let rest = need;
    for (const reduction of this.reductions) {
      if (rest > 0 && (share > HIGH || !reduction.onlyAboveLimit)) rest -= reduction.giveUp(rest);
    }
    const hasChanged = rest < need;
    this.isExhausted = !hasChanged && share > 1;
    if (!hasChanged) return false;
    const isRelapse = now - this.tookBackAt < RELAPSE_MS;
    if (isRelapse) this.holdFactor = Math.min(this.holdFactor * 2, MAX_HOLD_FACTOR);
    else if (now - this.changedAt > RELAPSE_MS) this.holdFactor = 1;
    this.tookBackAt = Number.NEGATIVE_INFINITY;
    return this.changed(now, true);
  }

  private takeBack(room: number): number {
    let taken = 0;
    for (const reduction of [...this.reductions].reverse()) {
      if (!reduction.isActive) continue;
      taken += reduction.takeBack(room - taken);
      // What is given up last is taken back first, and as a whole.
      if (reduction.isActive) break;
    }
    return taken;
  }

  private changed(now: number, hasChanged: boolean): boolean {
    if (!hasChanged) return false;
    this.changedAt = now;
    this.changes++;
    return true;
  }
}
