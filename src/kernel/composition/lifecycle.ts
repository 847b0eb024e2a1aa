import { ListToken } from './tokens.js';

/** Started after everything it needs, and stopped before it. */
export interface Lifecycle {
  start?(): Promise<void> | void;
  /** Accepts no more work and finishes the current work, in parallel with others, while everything still runs. */
  quiesce?(limitMs: number): Promise<void> | void;
  /** @param limitMs remaining time of the whole stop */
  stop?(limitMs: number): Promise<void> | void;
}

export const LIFECYCLES = new ListToken<Lifecycle>('lifecycles');

/** Share of the time limit of a stop that is available to `quiesce`. */
const QUIESCE_SHARE = 0.7;

/** Starts in order, and stops what was started in reverse order. */
export class Lifecycles {
  private readonly started: Lifecycle[] = [];
  private isStopping = false;

  /** @param onError called with what a stop threw; the others are stopped anyway */
  constructor(
    private readonly lifecycles: readonly Lifecycle[],
    private readonly onError: (error: unknown) => void,
  ) {}

  /** @throws what a start throws; the rest is then not started */
  async start(): Promise<void> {
    for (const lifecycle of this.lifecycles) {
      if (this.isStopping) return;
      this.started.push(lifecycle);
      await lifecycle.start?.();
    }
  }

  /** Also ends a start in progress. */
  async stop(limitMs: number): Promise<void> {
    this.isStopping = true;
    const end = performance.now() + limitMs;
    const started = this.started.splice(0).reverse();
    await Promise.all(started.map((lifecycle) => this.attempt(() => lifecycle.quiesce?.(limitMs * QUIESCE_SHARE))));
    for (const lifecycle of started) {
      await this.attempt(() => lifecycle.stop?.(Math.max(0, end - performance.now())));
    }
  }

  private async attempt(end: () => Promise<void> | void): Promise<void> {
    try {
      await end();
    } catch (error) {
      this.onError(error);
    }
  }
}
