/**
 * Does one job per id at a time and at most `limit` jobs in all. Asking again for a waiting id changes nothing; asking
 * for one whose job runs makes it run once more, since the running one may have missed the reason.
 */
export class RefreshQueue {
  private readonly waiting = new Map<string, PromiseWithResolvers<void>>();
  private readonly running = new Set<string>();

  /** @param job must not reject */
  constructor(
    private readonly limit: number,
    private readonly job: (id: string) => Promise<void>,
  ) {}

  /** @returns settles when a job for the id, begun after this call, is done */
  add(id: string): Promise<void> {
    let entry = this.waiting.get(id);
    if (entry === undefined) {
      entry = withResolvers();
      this.waiting.set(id, entry);
      this.next();
    }
    return entry.promise;
  }

  /** Forgets what waits; running jobs end by themselves. */
  clear(): void {
    for (const entry of this.waiting.values()) entry.resolve();
    this.waiting.clear();
  }

  private next(): void {
    for (const [id, entry] of this.waiting) {
      if (this.running.size >= this.limit) return;
      if (this.running.has(id)) continue;
      this.waiting.delete(id);
      this.running.add(id);
      this.job(id).finally(() => {
        this.running.delete(id);
        entry.resolve();
        this.next();
      });
    }
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function withResolvers(): PromiseWithResolvers<void> {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
