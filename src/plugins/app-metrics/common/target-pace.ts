import type { AppTarget } from '../../../kernel/contracts/index.js';

const FIRST_RETRY = 1_000;
const MAX_RETRY_MS = 60_000;
/** Maximum share of a core per target is 1/50: targets whose answers take long to parse are requested less often. */
const COST_FACTOR = 50;

/** Intervals of targets that are known only after a first request. */
export class TargetPace<T extends AppTarget> {
  private readonly failures = new WeakMap<T, number>();
  private readonly intervals = new WeakMap<T, number>();
  private readonly costs = new WeakMap<T, number>();

  /** ms until the next collection. */
  intervalOf(target: T): number {
    const failures = this.failures.get(target) ?? 0;
    const wanted =
      failures > 0
        ? Math.min(FIRST_RETRY * 2 ** (failures - 1), MAX_RETRY_MS)
        : (this.intervals.get(target) ?? target.interval);
    return Math.max(wanted, (this.costs.get(target) ?? 0) * COST_FACTOR);
  }

  /** Runs a step that must succeed before the target can be requested; failures are retried with increasing pauses. */
  async prepare<R>(target: T, work: () => Promise<R>): Promise<R> {
    try {
      const result = await work();
      this.failures.delete(target);
      return result;
    } catch (error) {
      this.failures.set(target, (this.failures.get(target) ?? 0) + 1);
      throw error;
    }
  }

  /** Sets the interval of a target, ms. */
  setInterval(target: T, interval: number): void {
    this.intervals.set(target, interval);
  }

  /** Records the CPU time of the last collection, ms. */
  spent(target: T, milliseconds: number): void {
    this.costs.set(target, milliseconds);
  }
}

/** One value per target, created at the first use; a failed creation is retried at the next use. */
export class TargetCache<T extends object, R> {
  private readonly made = new WeakMap<T, R>();

  async of(target: T, make: () => R | Promise<R>): Promise<R> {
    const known = this.made.get(target);
    if (known !== undefined) return known;
    const result = await make();
    this.made.set(target, result);
    return result;
  }
}
