import type { AppTarget } from '../../../kernel/contracts/index.js';

const FIRST_RETRY = 1_000;
const MAX_RETRY_MS = 60_000;
/** A target may cost a fiftieth of a core at most: one whose answers take long to read is asked less often. */
const COST_FACTOR = 50;

/** How often targets are asked when their interval is only found out on the way. */
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

  /** Runs what must succeed before the target can be asked at all; while it fails, it is tried again with growing pauses. */
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

  /** Tells the interval that was found out, ms. */
  setInterval(target: T, interval: number): void {
    this.intervals.set(target, interval);
  }

  /** Tells how many ms of computing the last collection took. */
  spent(target: T, milliseconds: number): void {
    this.costs.set(target, milliseconds);
  }
}
