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
