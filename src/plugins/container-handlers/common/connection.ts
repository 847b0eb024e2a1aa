import { type Clock, type Logger, messageOf, type RuntimeInfo, type Timers } from '../../../kernel/contracts/index.js';
import { EngineError } from './engine-error.js';

const FIRST_RETRY = 250;
const LAST_RETRY = 4000;
/** An engine that was reached before is likely to be restarted: its names should be back within seconds. */
const LAST_RETRY_AFTER_LOSS = 1000;
/** A session shorter than this does not reset the back-off: an engine that ends every stream must not be hammered. */
const STABLE_AFTER = 10_000;

export interface ConnectionOptions {
  /** The engine's address, for people. */
  readonly url: string;
  /** Whether the engine is not configured: its absence is then not logged, and its refusal not a warning. */
  readonly optional?: boolean;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
}

/** What happens on a connection. */
export interface Session {
  /**
   * One connection, from its first call to its loss.
   * @param established to be called after the first comparison with the engine's lists
   * @returns rejects with what ended it
   */
  run(established: (runtime: RuntimeInfo, containers: number) => void): Promise<never>;
  /** The engine was reached or lost, so that all its descriptions are current or stale. */
  changed(): void;
}

/** Keeps the connection to one engine, and logs each change of its state once. */
export class EngineConnection {
  private readonly stopping = new AbortController();
  private current: 'new' | 'up' | 'down' = 'new';
  private said: RuntimeInfo | undefined;
  private why = 'it has not answered yet';

  constructor(
    private readonly options: ConnectionOptions,
    private readonly session: Session,
  ) {}

  /** `new` until the first connection succeeded or failed. */
  get state(): 'new' | 'up' | 'down' {
    return this.current;
  }

  /** Name and versions of the engine, while it can be reached. */
  get runtime(): RuntimeInfo | undefined {
    return this.current === 'up' ? this.said : undefined;
  }

  /** Why it cannot be reached. */
  get away(): string {
    return this.why;
  }

  get stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Connects, and reconnects for ever. @returns settles when the first connection succeeded or failed */
  start(): Promise<void> {
    return new Promise((settled) => {
      void this.keep(settled);
    });
  }

  stop(): void {
    this.stopping.abort();
  }

  /** A pause that also ends when the connection is stopped. */
  pause(milliseconds: number): { readonly over: Promise<void>; end(): void } {
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      const cancel = this.options.timers.after(milliseconds, () => end());
      end = () => {
        cancel();
        this.stopping.signal.removeEventListener('abort', end);
        resolve();
      };
      this.stopping.signal.addEventListener('abort', end, { once: true });
    });
    return { over, end };
  }

  private async keep(settled: () => void): Promise<void> {
    const { clock, logger } = this.options;
    let failures = 0;
    while (!this.stopped) {
      const begun = clock.monotonic();
      let wasEstablished = false;
      const error: unknown = await this.session
        .run((runtime, containers) => {
          wasEstablished = true;
          this.cameUp(runtime, containers);
          settled();
        })
        .catch((reason: unknown) => reason);
      if (this.stopped) return;
      if (wasEstablished && clock.monotonic() - begun >= STABLE_AFTER) failures = 0;
      // A stream that ended is opened again before anything is called out of date.
      if (wasEstablished) logger.debug('event stream ended', { reason: messageOf(error) });
      else this.wentDown(error);
      settled();
      const last = this.said === undefined ? LAST_RETRY : LAST_RETRY_AFTER_LOSS;
      const longest = Math.min(last, FIRST_RETRY * 2 ** failures++);
      await this.pause(longest * (0.5 + Math.random() / 2)).over;
    }
  }

  private cameUp(runtime: RuntimeInfo, containers: number): void {
    const before = this.current;
    this.said = runtime;
    this.current = 'up';
    if (before !== 'up') {
      this.options.logger.info(`${runtime.name} ${runtime.version} at ${this.options.url} reached`, { containers });
    }
    this.session.changed();
  }

  private wentDown(error: unknown): void {
    const before = this.current;
    this.current = 'down';
    this.why = messageOf(error);
    if (before === 'down') return;
    const consequence =
      before === 'up'
        ? 'its containers keep their last description, marked stale'
        : 'containers appear by their id until it answers';
    const message = `${messageOf(error)}; ${consequence}; trying again for ever`;
    // A host without this engine at all is the normal case of a default configuration.
    const { logger, optional = false } = this.options;
    const isAbsent = error instanceof EngineError && error.absent;
    if (before === 'new' && isAbsent) logger[optional ? 'debug' : 'info'](message);
    else if (before === 'new' && optional) logger.info(message);
    else logger.warn(message);
    this.session.changed();
  }
}
