import { setImmediate as nextTurn } from 'node:timers/promises';

/** Divides long work into slices, between which the event loop runs: `if (slices.isOver()) await slices.pause();`. */
export class Slices {
  private startedAt: number;
  private workedMs = 0;

  /**
   * @param sliceMs how long a slice lasts
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly sliceMs = 4,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.startedAt = now();
  }

  /** Duration of all slices so far without the pauses, ms. */
  get spentMs(): number {
    return this.workedMs + this.now() - this.startedAt;
  }

  /** Whether the current slice has lasted long enough. */
  isOver(): boolean {
    return this.now() - this.startedAt >= this.sliceMs;
  }

  /** Yields to the event loop, then begins the next slice. */
  async pause(): Promise<void> {
    this.workedMs += this.now() - this.startedAt;
    await nextTurn();
    this.startedAt = this.now();
  }
}

/** Pauses between attempts: each is twice as long as the one before, from the first to the longest. */
export class Backoff {
  private nextMs: number;

  constructor(
    private readonly firstMs = 1_000,
    readonly longestMs = 60_000,
  ) {
    this.nextMs = firstMs;
  }

  /** @returns ms to wait before the next attempt */
  next(): number {
    const pauseMs = this.nextMs;
    this.nextMs = Math.min(pauseMs * 2, this.longestMs);
    return pauseMs;
  }

  /** An attempt succeeded: the next pause is the first again. */
  reset(): void {
    this.nextMs = this.firstMs;
  }
}
