import { AsyncResource } from 'node:async_hooks';
import type { Clock } from '../contracts/index.js';

/** Waits that are a multiple of one of these end at one, ms. */
const ROUND_STEPS_MS = [1_000, 500];
/** Other waits end at a multiple of the first of these that is not longer, ms. */
const STEPS_MS = [250, 125];

interface Call {
  /** Monotonic ms. */
  readonly due: number;
  readonly make: () => void;
}

/**
 * Calls back at moments that are the same for all, so that the process is woken once for all of them: waking an idle process
 * costs more than the short work that is then done.
 */
export class CommonTimer {
  private readonly calls = new Set<Call>();
  private timer: NodeJS.Timeout | undefined;
  /** Moment for which the timer is set; monotonic ms. */
  private wakesAt = Number.POSITIVE_INFINITY;
  /** In the context in which this was created, not in that of the plugin for which the timer happened to be set. */
  private readonly wake = AsyncResource.bind(() => this.ring());

  constructor(private readonly clock: Clock) {}

  /**
   * Calls back once, at the common moment that is nearest to `ms` from now: half a second early or late at most for whole
   * seconds, a quarter for half ones, an eighth for others. Waits of less than 125 ms are kept exactly.
   * Does not keep the process alive.
   * @returns cancels it
   */
  after(ms: number, make: () => void): () => void {
    const call = { due: momentIn(ms, this.clock.monotonic()), make };
    this.calls.add(call);
    this.arm(call.due);
    return () => this.calls.delete(call);
  }

  /** Calls back about every `ms`, until the result is called. A call that throws is followed by the next. */
  every(ms: number, make: () => void): () => void {
    let cancel = () => {};
    const again = () => {
      cancel = this.after(ms, () => {
        again();
        make();
      });
    };
    again();
    return () => cancel();
  }

  private arm(due: number): void {
    if (due >= this.wakesAt) return;
    this.wakesAt = due;
    clearTimeout(this.timer);
    this.timer = setTimeout(this.wake, Math.max(0, Math.ceil(due - this.clock.monotonic()))).unref();
  }

  private ring(): void {
    // A timer may end up to a millisecond early.
    const until = Math.max(this.wakesAt, this.clock.monotonic());
    // The timer is set once, after the calls.
    this.wakesAt = Number.NEGATIVE_INFINITY;
    try {
      for (const call of [...this.calls]) {
        // One before may have cancelled it.
        if (call.due <= until && this.calls.delete(call)) call.make();
      }
    } finally {
      this.wakesAt = Number.POSITIVE_INFINITY;
      this.arm(Math.min(...Array.from(this.calls, ({ due }) => due)));
    }
  }
}

function momentIn(ms: number, now: number): number {
  const step = ROUND_STEPS_MS.find((length) => ms > 0 && ms % length === 0) ?? STEPS_MS.find((length) => length <= ms);
  if (step === undefined) return now + ms;
  const moment = Math.round((now + ms) / step) * step;
  return moment > now ? moment : moment + step;
}
