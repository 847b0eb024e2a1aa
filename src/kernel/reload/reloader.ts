import type { LoadedConfig } from '../config/index.js';
import { type AgentSelf, type Clock, type Logger, messageOf } from '../contracts/index.js';
import { type Described, describeChanges } from './changes.js';

/** How a reload ended. */
export interface ReloadOutcome {
  readonly ok: boolean;
  /** µs since the epoch */
  readonly at: number;
  /** Who asked: `SIGHUP`, `POST /-/reload`. */
  readonly trigger: string;
  /** What is different now, in words; empty when nothing is. When `ok` is false: what would be. */
  readonly changes: readonly string[];
  /** What of it takes effect only when the agent is started again. */
  readonly restart: readonly string[];
  /** Why the configuration from before is still active. */
  readonly error?: string;
}

/** Which configuration is active, for status, metrics and `tallyman reload`. */
export interface ReloadState {
  /** The active configuration's file; absent: built-in defaults. */
  readonly file?: string;
  /** Since when it is active, µs since the epoch. */
  readonly activeSince: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly last?: ReloadOutcome;
}

/** How the configuration came to be the active one. */
export class ReloadHistory {
  succeeded = 0;
  failed = 0;
  last: ReloadOutcome | undefined;

  /** @param activeSince µs since the epoch */
  constructor(public activeSince: number) {}

  /** For everybody to see. */
  configuration(): AgentSelf['configuration'] {
    const { activeSince, succeeded, failed, last } = this;
    return { activeSince, reloads: { succeeded, failed }, lastReloadFailed: last?.ok === false };
  }
}

/** Told while the configuration is being read again. */
export interface ReloadObserver {
  reloading(): void;
  reloaded(): void;
}

export interface ReloaderOptions {
  /** The configuration that the agent started with. */
  readonly active: LoadedConfig;
  /** Reads the configuration again. @throws ConfigError */
  readonly load: () => Promise<LoadedConfig>;
  /** Makes the agent follow. @throws TallymanError when it cannot; parts of it may then have changed */
  readonly apply: (config: LoadedConfig) => Promise<void>;
  readonly history: ReloadHistory;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Sections and options that are read once, at start. */
const ONLY_AT_START = /^(host\.|appMetrics\.|log\.format )/;

/** Reads the configuration again when asked to, and keeps the last good one when the new one is not. */
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

  /** One reload after the other. Never rejects. */
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
      return this.refuse(trigger, error, []);
    }
    const changes = describeChanges(this.active as Described, next as Described);
    try {
      await this.options.apply(next);
    } catch (error) {
      await this.restore();
      return this.refuse(trigger, error, changes);
    }
    return this.accept(trigger, next, changes);
  }

  private accept(trigger: string, next: LoadedConfig, changes: readonly string[]): ReloadOutcome {
    const { logger, clock, history } = this.options;
    const at = clock.now();
    const restart = changes.filter((change) => ONLY_AT_START.test(change));
    for (const warning of next.warnings) logger.warn(warning);
    this.active = next;
    if (changes.length > 0) history.activeSince = at;
    history.succeeded++;
    const what = changes.length === 0 ? 'nothing has changed' : changes.join(', ');
    logger.info(`${trigger}: ${next.file ?? 'the built-in configuration'} is active: ${what}`);
    if (restart.length > 0) logger.warn(`takes effect when the agent is started again: ${restart.join(', ')}`);
    return this.remember({ ok: true, at, trigger, changes, restart });
  }

  private refuse(trigger: string, error: unknown, changes: readonly string[]): ReloadOutcome {
    const { logger, clock, history } = this.options;
    const since = new Date(Math.round(history.activeSince / 1000)).toISOString();
    history.failed++;
    const message = messageOf(error);
    logger.error(
      `${trigger}: the configuration from ${since} stays active, as the new one cannot be used: ${message}`,
      {
        hint: 'correct it, check it with `tallyman check`, and reload again',
      },
    );
    return this.remember({ ok: false, at: clock.now(), trigger, changes, restart: [], error: message });
  }

  private remember(outcome: ReloadOutcome): ReloadOutcome {
    this.options.history.last = outcome;
    return outcome;
  }

  /** Back to what was active, of which parts may have changed already. */
  private async restore(): Promise<void> {
    try {
      await this.options.apply(this.active);
    } catch (error) {
      this.options.logger.error(`not all of the configuration from before could be restored: ${messageOf(error)}`);
    }
  }
}
