import type { Timers } from '../contracts/index.js';
import type { CommonTimer } from '../timing/index.js';
import { MAX_STRETCHED_MS, type Pace } from './record.js';

type Callback = () => void | Promise<void>;
type OneShot = Pick<CommonTimer, 'after'>;

const OWN_TIMER: OneShot = {
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Timers on the real clock that are stopped together. A callback that throws does not end its timer. The repeating ones have a
 * pace: stretched, they call back less often, but for those that do so rarely anyway.
 */
export class TimerSet implements Timers, Pace {
  stretch = 1;
  private readonly cancels = new Set<() => void>();
  /** Intervals of the repeating timers. */
  private readonly intervals = new Map<symbol, number>();
  private stopped = false;

  /**
   * @param run calls back and never rejects; `what` names the call in messages about its faults
   * @param common for what repeats; a timer of its own by default
   */
  constructor(
    private readonly run: (callback: Callback, what: string) => Promise<void>,
    private readonly common: OneShot = OWN_TIMER,
  ) {}

  every(milliseconds: number, callback: Callback, what = 'timer'): () => void {
    let cancel: () => void;
    let ended = false;
    const key = Symbol();
    this.intervals.set(key, milliseconds);
    const schedule = () => {
      cancel = this.start(this.common, this.stretched(milliseconds), async () => {
        await this.run(callback, what);
        if (!ended) schedule();
      });
    };
    schedule();
    return () => {
      ended = true;
      this.intervals.delete(key);
      cancel();
    };
  }

  /** The shortest of those that can be stretched. */
  get intervalMs(): number {
    return Math.min(...[...this.intervals.values()].filter((interval) => interval < MAX_STRETCHED_MS));
  }

  get isCheaperWhenStretched(): boolean {
    return Number.isFinite(this.intervalMs);
  }

  private stretched(milliseconds: number): number {
    return Math.max(milliseconds, Math.min(milliseconds * this.stretch, MAX_STRETCHED_MS));
  }

  after(milliseconds: number, callback: Callback): () => void {
    return this.start(OWN_TIMER, milliseconds, () => this.run(callback, 'timer'));
  }

  /** Stops all timers; later ones never start. */
  stop(): void {
    this.stopped = true;
    this.intervals.clear();
    for (const cancel of [...this.cancels]) cancel();
  }

  private start(timer: OneShot, milliseconds: number, ring: () => Promise<void>): () => void {
    if (this.stopped) return () => {};
    const end = timer.after(milliseconds, () => {
      this.cancels.delete(cancel);
      void ring();
    });
    const cancel = () => {
      end();
      this.cancels.delete(cancel);
    };
    this.cancels.add(cancel);
    return cancel;
  }
}
