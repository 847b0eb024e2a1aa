import type { Timers } from '../contracts/index.js';
import { type PluginRecord, type Supervisor, TimerSet } from '../supervision/index.js';

/** What belongs to one plugin instance and ends with it: its abort signal and its timers. */
export class PluginScope implements Timers {
  private readonly controller = new AbortController();
  private readonly timers: TimerSet;

  constructor(supervisor: Pick<Supervisor, 'attempt'>, record: PluginRecord) {
    // The fault is already counted and logged by the supervisor; timers go on, so there is nothing to pause.
    this.timers = new TimerSet((callback, what) => supervisor.attempt(record, what, callback, false).catch(() => {}));
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** @param what names the calls in the messages about their faults */
  every(milliseconds: number, callback: () => void | Promise<void>, what?: string): () => void {
    return this.timers.every(milliseconds, callback, what);
  }

  after(milliseconds: number, callback: () => void | Promise<void>): () => void {
    return this.timers.after(milliseconds, callback);
  }

  /** Stops every timer and aborts the signal. */
  dispose(): void {
    this.timers.stop();
    this.controller.abort();
  }
}
