import type { Timers } from '../contracts/index.js';
import type { PluginRecord } from './record.js';
import type { Supervisor } from './supervisor.js';

/** What belongs to one plugin instance and ends with it: its abort signal and its timers. */
export class PluginScope implements Timers {
  private readonly controller = new AbortController();
  private readonly cancels = new Set<() => void>();

  constructor(
    private readonly supervisor: Pick<Supervisor, 'attempt'>,
    private readonly record: PluginRecord,
  ) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** @param what names the calls in the messages about their faults */
  every(milliseconds: number, callback: () => void | Promise<void>, what = 'timer'): () => void {
    let cancel: () => void;
    let stopped = false;
    const schedule = () => {
      cancel = this.after(milliseconds, async () => {
        // The next round is armed even when this one throws: a fault does not end the timer.
        await this.callBack(callback, what);
        if (!stopped) schedule();
      });
    };
    schedule();
    return () => {
      stopped = true;
      cancel();
    };
  }

  after(milliseconds: number, callback: () => void | Promise<void>): () => void {
    if (this.signal.aborted) return () => {};
    const timer = setTimeout(() => {
      this.cancels.delete(cancel);
      void this.callBack(callback, 'timer');
    }, milliseconds);
    const cancel = () => {
      clearTimeout(timer);
      this.cancels.delete(cancel);
    };
    this.cancels.add(cancel);
    return cancel;
  }

  /** Stops every timer and aborts the signal. */
  dispose(): void {
    for (const cancel of [...this.cancels]) cancel();
    this.controller.abort();
  }

  private async callBack(callback: () => void | Promise<void>, what: string): Promise<void> {
    // The fault is already counted and logged by the supervisor.
    await this.supervisor.attempt(this.record, what, callback).catch(() => {});
  }
}
