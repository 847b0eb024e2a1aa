import { ListToken } from './tokens.js';

/** Something with a life: started behind everything it needs, stopped in front of it. */
export interface Lifecycle {
  start?(): Promise<void> | void;
  /** Takes in no more work and finishes what is under way, all at once, while everything still runs. */
  quiesce?(limitMs: number): Promise<void> | void;
  /** @param limitMs what is left of the time for the whole stop */
  stop?(limitMs: number): Promise<void> | void;
}

export const LIFECYCLES = new ListToken<Lifecycle>('lifecycles');

/** Share of the time of a stop in which what is under way may be finished: the rest is for what is stopped after it. */
const QUIESCE_SHARE = 0.7;

/** Starts in order, and stops in reverse what was started. */
export class Lifecycles {
  private readonly started: Lifecycle[] = [];
  private isStopping = false;

  /** @param onError told what a stop threw; the others are stopped all the same */
  constructor(
    private readonly lifecycles: readonly Lifecycle[],
    private readonly onError: (error: unknown) => void,
  ) {}

  /** @throws what a start throws; the rest is not started then */
  async start(): Promise<void> {
    for (const lifecycle of this.lifecycles) {
      if (this.isStopping) return;
      this.started.push(lifecycle);
      await lifecycle.start?.();
    }
  }

  /** Also while a start is under way, which then goes no further. */
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
