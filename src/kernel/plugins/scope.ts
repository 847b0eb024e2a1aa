import type { PluginContext, Timers } from '../contracts/index.js';
import { type PluginRecord, type Supervisor, TimerSet } from '../supervision/index.js';
import type { CommonTimer } from '../timing/index.js';

/** The abort signal and timers of one plugin instance. */
export class PluginScope implements Timers {
  private readonly controller = new AbortController();
  private readonly timers: TimerSet;

  constructor(
    supervisor: Pick<Supervisor, 'attempt'>,
    private readonly record: PluginRecord,
    common?: Pick<CommonTimer, 'after'>,
  ) {
    // The supervisor has recorded the fault. Timers continue, so their faults do not pause the plugin.
    this.timers = new TimerSet(
      (callback, what) => supervisor.attempt(record, what, callback, false).catch(() => {}),
      common,
    );
    record.timerPace = this.timers;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** @param what name of the calls in messages about faults */
  every(milliseconds: number, callback: () => void | Promise<void>, what?: string): () => void {
    return this.timers.every(milliseconds, callback, what);
  }

  after(milliseconds: number, callback: () => void | Promise<void>): () => void {
    return this.timers.after(milliseconds, callback);
  }

  /** Stops every timer and aborts the signal. */
  dispose(): void {
    this.timers.stop();
    if (this.record.timerPace === this.timers) this.record.timerPace = undefined;
    this.controller.abort();
  }
}

export interface InstanceContainer {
  readonly context: PluginContext;
  readonly scope: PluginScope;

  dispose(): Promise<void>;
}

export type CreateInstanceContainer = (record: PluginRecord) => InstanceContainer;
