import { setTimeout as pause } from 'node:timers/promises';
import type { Clock, Timers } from '../kernel/contracts/index.js';
import { TimerSet } from '../kernel/supervision/index.js';

/** The system's clock, for tests that wait for something outside. */
export const systemClock: Clock = { now: () => Date.now() * 1000, monotonic: () => performance.now() };

/** Called with what a timer's callback threw. */
export type TimerFault = (error: unknown) => void;

interface Waiting {
  due: number;
  /** ms; absent: once. */
  readonly every?: number;
  readonly callback: () => void | Promise<void>;
  readonly onFault: TimerFault;
}

/** A clock that is advanced by the test; its timers are called in the order in which they become due. */
export class FakeClock implements Clock {
  private readonly waiting = new Set<Waiting>();

  /** @param milliseconds initial value of both readings */
  constructor(public milliseconds = 1_000_000) {}

  now = (): number => this.milliseconds * 1000;
  monotonic = (): number => this.milliseconds;

  /** Number of pending timers. */
  get timers(): number {
    return this.waiting.size;
  }

  /** Timers as a plugin gets them, on this clock. */
  timersFor(onFault: TimerFault): Timers {
    return {
      every: (milliseconds, callback) =>
        this.add({ due: this.milliseconds + milliseconds, every: milliseconds, callback, onFault }),
      after: (milliseconds, callback) => this.add({ due: this.milliseconds + milliseconds, callback, onFault }),
    };
  }

  /** Advances the clock. Calls the timers that become due, and awaits each before the next. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.milliseconds + milliseconds;
    for (let next = this.next(end); next !== undefined; next = this.next(end)) {
      this.milliseconds = Math.max(this.milliseconds, next.due);
      if (next.every === undefined) this.waiting.delete(next);
      else next.due = this.milliseconds + Math.max(next.every, 1);
      try {
        await next.callback();
      } catch (error) {
        next.onFault(error);
      }
    }
    this.milliseconds = end;
  }

  private add(timer: Waiting): () => void {
    this.waiting.add(timer);
    return () => {
      this.waiting.delete(timer);
    };
  }

  private next(end: number): Waiting | undefined {
    let first: Waiting | undefined;
    for (const timer of this.waiting) {
      if (timer.due <= end && (first === undefined || timer.due < first.due)) first = timer;
    }
    return first;
  }
}

/** Timers on the real clock. */
export class SystemTimers extends TimerSet {
  constructor(onFault: TimerFault) {
    super(async (callback) => {
      try {
        await callback();
      } catch (error) {
        onFault(error);
      }
    });
  }
}

/** Pauses between two looks at a condition, ms. They grow: what takes long is not kept waiting by those who ask. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS, GROWTH] = [5, 50, 1.3];

/** Waits until the condition holds. @throws Error with `what` at the time limit */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: () => string,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; !(await condition()); pauseMs = Math.min(pauseMs * GROWTH, LONGEST_PAUSE_MS)) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what()}`);
    await pause(pauseMs);
  }
}
