import type { LoadedConfig } from '../config/index.js';
import { type AgentSelf, type Clock, type Logger, messageOf } from '../contracts/index.js';
import { describeChanges } from './changes.js';

/** The result of a reload. */
export interface ReloadOutcome {
  readonly ok: boolean;
  /** µs since the epoch */
  readonly at: number;
  /** What triggered it: `SIGHUP`, `POST /-/reload`. */
  readonly trigger: string;
  /** The changes in words; when `ok` is false, the changes that were not applied. */
  readonly changes: readonly string[];
  /** The changes that require a restart. */
  readonly restart: readonly string[];
  /** Why the previous configuration is still active. */
  readonly error?: string;
}

/** The active configuration, for status, metrics and `tallyman reload`. */
export interface ReloadState {
  /** The active configuration's file; absent: built-in defaults. */
  readonly file?: string;
  /** When it became active, µs since the epoch. */
  readonly activeSince: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly last?: ReloadOutcome;
}

export class ReloadHistory {
  succeeded = 0;
  failed = 0;
  last: ReloadOutcome | undefined;

  /** @param activeSince µs since the epoch */
  constructor(public activeSince: number) {}

  /** The public part. */
  configuration(): AgentSelf['configuration'] {
    const { activeSince, succeeded, failed, last } = this;
    return { activeSince, reloads: { succeeded, failed }, lastReloadFailed: last?.ok === false };
  }
}

/** Notified when a reload begins and ends. */
export interface ReloadObserver {
  reloading(): void;
  reloaded(): void;
}

/** The source of configurations. */
export interface ReloadSource {
  /** The configuration that the agent started with. */
  readonly active: LoadedConfig;
  /** Loads it again. @throws ConfigError */
  readonly load: () => Promise<LoadedConfig>;
}

export interface ReloaderOptions extends ReloadSource {
  /** Applies the configuration. @throws TallymanError on failure; parts may have been applied */
  readonly apply: (config: LoadedConfig) => Promise<void>;
  readonly history: ReloadHistory;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Options that are read only at start. */
const NEEDS_RESTART = /^(host\.|appMetrics\.|log\.format )/;

/** Reloads the configuration on request, and keeps the last valid one when the new one is invalid. */
export class Reloader {
  private active: LoadedConfig;
  private queue: Promise<unknown> = Promise.resolve();
  private readonly observers: ReloadObserver[] = [];

  constructor(private readonly options: ReloaderOptions) {
    this.active = options.active;
  }

  observe(observer: ReloadObserver): void {
    this.observers.push(observer);
  }

  state(): ReloadState {
    const { activeSince, succeeded, failed, last } = this.options.history;
    const { file } = this.active;
    return {
      ...(file !== undefined && { file }),
      activeSince,
      succeeded,
      failed,
      ...(last !== undefined && { last }),
    };
  }

  /** Reloads run one at a time. Never rejects. */
  async reload(trigger: string): Promise<ReloadOutcome> {
    for (const observer of this.observers) observer.reloading();
    const outcome = this.queue.then(() => this.perform(trigger));
    this.queue = outcome;
    await outcome;
    for (const observer of this.observers) observer.reloaded();
    return outcome;
  }

  private async perform(trigger: string): Promise<ReloadOutcome> {
    let next: LoadedConfig;
    try {
      next = await this.options.load();
    } catch (error) {
      return this.reject(trigger, error, []);
    }
    const changes = describeChanges(this.active, next);
    try {
      await this.options.apply(next);
    } catch (error) {
      await this.restore();
      return this.reject(trigger, error, changes);
    }
    return this.accept(trigger, next, changes);
  }

  private accept(trigger: string, next: LoadedConfig, changes: readonly string[]): ReloadOutcome {
    const { logger, clock, history } = this.options;
    const at = clock.now();
    const restart = changes.filter((change) => NEEDS_RESTART.test(change));
    for (const warning of next.warnings) logger.warn(warning);
    this.active = next;
    if (changes.length > 0) history.activeSince = at;
    history.succeeded++;
    const what = changes.length === 0 ? 'nothing has changed' : changes.join(', ');
    logger.info(`${trigger}: ${next.file ?? 'the built-in configuration'} is active: ${what}`);
    if (restart.length > 0) logger.warn(`takes effect when the agent is started again: ${restart.join(', ')}`);
    return this.remember({ ok: true, at, trigger, changes, restart });
  }

  private reject(trigger: string, error: unknown, changes: readonly string[]): ReloadOutcome {
    const { logger, clock, history } = this.options;
    const since = new Date(Math.round(history.activeSince / 1000)).toISOString();
    history.failed++;
    const message = messageOf(error);
    logger.error(`${trigger}: the configuration from ${since} stays active, the new one cannot be used: ${message}`, {
      hint: 'correct it, check it with `tallyman check`, and reload again',
    });
    return this.remember({ ok: false, at: clock.now(), trigger, changes, restart: [], error: message });
  }

  private remember(outcome: ReloadOutcome): ReloadOutcome {
    this.options.history.last = outcome;
    return outcome;
  }

  /** Applies the active configuration again after a partial change. */
  private async restore(): Promise<void> {
    try {
      await this.options.apply(this.active);
    } catch (error) {
      this.options.logger.error(`the previous configuration could not be restored completely: ${messageOf(error)}`);
    }
  }
}
