import type { PluginContext } from '../contracts/index.js';
import { type PluginRecord, type Supervisor, TimerSet } from '../supervision/index.js';
import type { CommonTimer } from '../timing/index.js';

/** The abort signal and timers of one plugin instance. */
export class PluginScope extends TimerSet {
  private readonly controller = new AbortController();
  readonly signal: AbortSignal = this.controller.signal;

  constructor(
    supervisor: Pick<Supervisor, 'attempt'>,
    private readonly record: PluginRecord,
    common?: Pick<CommonTimer, 'after'>,
  ) {
    // The supervisor has recorded the fault. Timers continue, so their faults do not pause the plugin.
    super((callback, what) => supervisor.attempt(record, what, callback, false).catch(() => {}), common);
    record.timerPace = this;
  }

  dispose(): void {
    this.stop();
    if (this.record.timerPace === this) this.record.timerPace = undefined;
    this.controller.abort();
  }
}

export interface InstanceContainer {
  readonly context: PluginContext;
  readonly scope: PluginScope;

  dispose(): Promise<void>;
}

export type CreateInstanceContainer = (record: PluginRecord) => InstanceContainer;
