import { messageOf, type PluginContext, type RuntimeInfo } from '../../../kernel/contracts/index.js';
import { EngineError } from './engine-error.js';

const FIRST_RETRY = 250;
const LAST_RETRY = 4000;
/** An engine that was reached before is likely to be restarted: its names should be back within seconds. */
const LAST_RETRY_AFTER_LOSS = 1000;
/** A session shorter than this does not reset the back-off: an engine that ends every stream must not be hammered. */
const STABLE_AFTER = 10_000;

export interface EngineListener {
  /** A description changed, or the engine answered about an id. */
  containerChanged(id: string): void;
  /** The engine was reached or lost, so that all its descriptions are current or stale. */
  allChanged(): void;
}

/** Where an engine is. */
export interface EngineAddress {
  /** For people. */
  readonly url: string;
  /** Whether the engine is not configured: its absence is then not logged, and its refusal not a warning. */
  readonly optional?: boolean;
}

/** Keeps the connection to one engine, and logs each change of its state once. */
export abstract class EngineConnection {
  protected listener: EngineListener | undefined;
  protected stopped = false;
  private current: 'new' | 'up' | 'down' = 'new';
  private said: RuntimeInfo | undefined;
  protected away = 'it has not answered yet';

  /** @param address another may follow when the engine is not reached there */
  constructor(
    protected readonly context: PluginContext,
    protected address: EngineAddress,
  ) {}

  /** `new` until the first connection succeeded or failed. */
  get state(): 'new' | 'up' | 'down' {
    return this.current;
  }

  /** Name and versions of the engine, while it can be reached. */
  get runtime(): RuntimeInfo | undefined {
    return this.current === 'up' ? this.said : undefined;
  }

  /** Connects, and reconnects for ever. @returns settles when the first connection succeeded or failed */
  start(listener: EngineListener): Promise<void> {
    this.listener = listener;
    return new Promise((settled) => {
      void this.keep(settled);
    });
  }

  stop(): void {
    this.stopped = true;
  }

  /**
   * One connection, from its first call to its loss.
   * @param established to be called after the first comparison with the engine's lists
   * @returns rejects with what ended it
   */
  protected abstract session(established: (runtime: RuntimeInfo, containers: number) => void): Promise<never>;

  private async keep(settled: () => void): Promise<void> {
    const { clock, logger, timers } = this.context;
    let failures = 0;
    while (!this.stopped) {
      const begun = clock.monotonic();
      let wasEstablished = false;
      const error: unknown = await this.session((runtime, containers) => {
        wasEstablished = true;
        this.cameUp(runtime, containers);
        settled();
      }).catch((reason: unknown) => reason);
      if (this.stopped) return;
      if (wasEstablished && clock.monotonic() - begun >= STABLE_AFTER) failures = 0;
      // A stream that ended is opened again before anything is called out of date.
      if (wasEstablished) logger.debug('event stream ended', { reason: messageOf(error) });
      else this.wentDown(error);
      settled();
      const last = this.said === undefined ? LAST_RETRY : LAST_RETRY_AFTER_LOSS;
      const pause = Math.min(last, FIRST_RETRY * 2 ** failures++);
      // At a moment at which the process is woken anyway.
      await new Promise<void>((resolve) => {
        const stop = timers.every(pause, () => {
          stop();
          resolve();
        });
      });
    }
  }

  private cameUp(runtime: RuntimeInfo, containers: number): void {
    const before = this.current;
    this.said = runtime;
    this.current = 'up';
    if (before !== 'up') {
      this.context.logger.info(`${runtime.name} ${runtime.version} at ${this.address.url} reached`, { containers });
    }
    this.listener?.allChanged();
  }

  private wentDown(error: unknown): void {
    const before = this.current;
    this.current = 'down';
    this.away = messageOf(error);
    if (before === 'down') return;
    const consequence =
      before === 'up'
        ? 'its containers keep their last description, marked stale'
        : 'containers appear by their id until it answers';
    const message = `${this.away}; ${consequence}; trying again for ever`;
    // A host without this engine at all is the normal case of a default configuration.
    const { logger } = this.context;
    const { optional = false } = this.address;
    const isAbsent = error instanceof EngineError && error.absent;
    if (before === 'new' && isAbsent) logger[optional ? 'debug' : 'info'](message);
    else if (before === 'new' && optional) logger.info(message);
    else logger.warn(message);
    this.listener?.allChanged();
  }
}
