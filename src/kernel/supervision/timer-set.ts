import type { Timers } from '../contracts/index.js';

type Callback = () => void | Promise<void>;

/** Timers on the real clock that are stopped together. A callback that throws does not end its timer. */
export class TimerSet implements Timers {
  private readonly cancels = new Set<() => void>();
  private stopped = false;

  /** @param run calls back and never rejects; `what` names the call in messages about its faults */
  constructor(private readonly run: (callback: Callback, what: string) => Promise<void>) {}

  every(milliseconds: number, callback: Callback, what = 'timer'): () => void {
    let cancel: () => void;
    let ended = false;
    const schedule = () => {
      cancel = this.start(milliseconds, async () => {
        await this.run(callback, what);
        if (!ended) schedule();
      });
    };
    schedule();
    return () => {
      ended = true;
      cancel();
    };
  }

  after(milliseconds: number, callback: Callback): () => void {
    return this.start(milliseconds, () => this.run(callback, 'timer'));
  }

  /** Stops all timers; later ones never start. */
  stop(): void {
    this.stopped = true;
    for (const cancel of [...this.cancels]) cancel();
  }

  private start(milliseconds: number, ring: () => Promise<void>): () => void {
    if (this.stopped) return () => {};
    const timer = setTimeout(() => {
      this.cancels.delete(cancel);
      void ring();
    }, milliseconds);
    const cancel = () => {
      clearTimeout(timer);
      this.cancels.delete(cancel);
    };
    this.cancels.add(cancel);
    return cancel;
  }
}
