const MAX_PAUSE_MS = 600_000;

interface Failure {
  /** ms */
  delay: number;
  /** Monotonic ms. */
  retryAt: number;
}

/**
 * Containers that the engine could not describe. Each is asked about again after growing pauses only: in an engine whose
 * locks are stuck every further call is stuck as well, and stays so after the caller gave up.
 */
export class InspectFailures {
  private readonly failures = new Map<string, Failure>();

  /** @param firstPauseMs pause after the first failure; doubles up to ten minutes */
  constructor(private readonly firstPauseMs: number) {}

  get size(): number {
    return this.failures.size;
  }

  add(id: string, now: number): void {
    const before = this.failures.get(id)?.delay;
    const delay = before === undefined ? this.firstPauseMs : Math.min(MAX_PAUSE_MS, before * 2);
    this.failures.set(id, { delay, retryAt: now + delay });
  }

  /** @returns true when it was the last one */
  delete(id: string): boolean {
    return this.failures.delete(id) && this.failures.size === 0;
  }

  clear(): void {
    this.failures.clear();
  }

  /** `due` when it failed and may be asked about again, `paused` when not yet, `undefined` when it did not fail. */
  state(id: string, now: number): 'due' | 'paused' | undefined {
    const failure = this.failures.get(id);
    if (failure === undefined) return undefined;
    return now >= failure.retryAt ? 'due' : 'paused';
  }
}
