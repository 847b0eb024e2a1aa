import type { Clock, PendingContainer } from '../contracts/index.js';

/** Pauses before handlers are asked about a pending cgroup again, doubling from the first to the maximum. */
export interface PendingRetry {
  readonly firstMs: number;
  readonly maxMs: number;
}

interface Retry {
  delayMs: number;
  /** Monotonic ms. */
  dueAt: number;
}

/** Cgroups that are due within this time are processed together. */
const BATCH_MS = 20;

/** Asks again about pending cgroups, after increasing pauses. */
export class PendingQueue {
  private readonly retries = new Map<string, Retry>();
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Number.POSITIVE_INFINITY;

  /** @param pending the pending cgroups by name, updated for all readers */
  constructor(
    private readonly clock: Clock,
    private readonly pauses: PendingRetry,
    private readonly pending: Map<string, PendingContainer>,
    private readonly ask: (names: readonly string[]) => void,
  ) {}

  /** Adds a cgroup. One that is pending for the same handler keeps its `since` and its pause. */
  add(name: string, handler: string, reason: string): void {
    const known = this.pending.get(name);
    const isSame = known?.handler === handler;
    this.pending.set(name, { name, handler, reason, since: isSame ? known.since : this.clock.now() });
    if (!isSame) {
      const delayMs = this.pauses.firstMs;
      this.retries.set(name, { delayMs, dueAt: this.clock.monotonic() + delayMs });
    }
    this.arm();
  }

  delete(name: string): void {
    this.pending.delete(name);
    this.retries.delete(name);
  }

  namesOf(handler: string): string[] {
    return [...this.pending.values()].filter((waiting) => waiting.handler === handler).map(({ name }) => name);
  }

  clear(): void {
    this.pending.clear();
    this.retries.clear();
    this.disarm();
  }

  private arm(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.retries.values()) next = Math.min(next, dueAt);
    if (next >= this.timerAt) return;
    this.disarm();
    this.timerAt = next;
    this.timer = setTimeout(() => this.onTimer(), Math.max(0, next - this.clock.monotonic()));
  }

  private disarm(): void {
    clearTimeout(this.timer);
    this.timerAt = Number.POSITIVE_INFINITY;
  }

  private onTimer(): void {
    this.timerAt = Number.POSITIVE_INFINITY;
    const now = this.clock.monotonic();
    const due: string[] = [];
    for (const [name, retry] of this.retries) {
      if (retry.dueAt > now + BATCH_MS) continue;
      retry.delayMs = Math.min(retry.delayMs * 2, this.pauses.maxMs);
      retry.dueAt = now + retry.delayMs;
      due.push(name);
    }
    this.ask(due);
    this.arm();
  }
}
