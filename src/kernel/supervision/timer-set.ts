import type { Timers } from '../contracts/index.js';
import { MAX_STRETCHED_MS, type Pace } from './record.js';

type Callback = (lateMs: number) => void | Promise<void>;

/** Calls once, about `ms` from now. @returns cancels it */
type Later = (ms: number, call: (lateMs: number) => void) => () => void;

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
   * @param later what repeats waits by this
   */
  constructor(
    private readonly run: (callback: () => void | Promise<void>, what: string) => Promise<void>,
    private readonly later: Later = startTimer,
  ) {}

  every(milliseconds: number, callback: Callback, what = 'timer'): () => void {
    let cancel: () => void;
    let ended = false;
    const key = Symbol();
    this.intervals.set(key, milliseconds);
    const schedule = () => {
      cancel = this.start(this.later, this.stretched(milliseconds), async (lateMs) => {
        await this.run(() => callback(lateMs), what);
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

  after(milliseconds: number, callback: () => void | Promise<void>): () => void {
    return this.start(startTimer, milliseconds, () => this.run(callback, 'timer'));
  }

  /** Stops all timers; later ones never start. */
  stop(): void {
    this.stopped = true;
    this.intervals.clear();
    for (const cancel of [...this.cancels]) cancel();
  }

  private start(later: Later, milliseconds: number, ring: (lateMs: number) => Promise<void>): () => void {
    if (this.stopped) return () => {};
    const end = later(milliseconds, (lateMs) => {
      this.cancels.delete(cancel);
      void ring(lateMs);
    });
    const cancel = () => {
      end();
      this.cancels.delete(cancel);
    };
    this.cancels.add(cancel);
    return cancel;
  }
}

function startTimer(ms: number, call: (lateMs: number) => void): () => void {
  const due = performance.now() + ms;
  const timer = setTimeout(() => call(Math.max(0, performance.now() - due)), ms);
  return () => clearTimeout(timer);
}
