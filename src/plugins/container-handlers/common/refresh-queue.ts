/**
 * Does one job per id at a time and at most `limit` jobs in all. Asking again for a waiting id changes nothing; asking
 * for one whose job runs makes it run once more, since the running one may have missed the reason.
 */
export class RefreshQueue {
  /** What to call when the job of an id is done. */
  private readonly waiting = new Map<string, (() => void)[]>();
  private readonly running = new Set<string>();

  /** @param job must not reject */
  constructor(
    private readonly limit: number,
    private readonly job: (id: string) => Promise<void>,
  ) {}

  /** @returns settles when a job for the id, begun after this call, is done */
  add(id: string): Promise<void> {
    return new Promise((resolve) => {
      const others = this.waiting.get(id);
      if (others !== undefined) {
        others.push(resolve);
        return;
      }
      this.waiting.set(id, [resolve]);
      this.next();
    });
  }

  /** Forgets what waits; running jobs end by themselves. */
  clear(): void {
    const waiting = [...this.waiting.values()].flat();
    this.waiting.clear();
    for (const resolve of waiting) resolve();
  }

  private next(): void {
    for (const [id, resolves] of this.waiting) {
      if (this.running.size >= this.limit) return;
      if (this.running.has(id)) continue;
      this.waiting.delete(id);
      this.running.add(id);
      this.job(id).finally(() => {
        this.running.delete(id);
        for (const resolve of resolves) resolve();
        this.next();
      });
    }
  }
}
