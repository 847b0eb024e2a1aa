import type { Clock, PendingContainer } from '../contracts/index.js';

/** Pauses before a pending cgroup is asked about again, doubling from the first to the longest. */
export interface PendingRetry {
  readonly firstMs: number;
  readonly longestMs: number;
}

interface Retry {
  delayMs: number;
  /** Monotonic ms. */
  dueAt: number;
}

/** Timer slack: what is due within so many ms is asked about together. */
const SLACK_MS = 20;

/** Asks again about each cgroup that waits for its handler, after growing pauses. */
export class PendingQueue {
  private readonly retries = new Map<string, Retry>();
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Number.POSITIVE_INFINITY;

  /** @param pending what waits, by name: kept current for everybody to see */
  constructor(
    private readonly clock: Clock,
    private readonly pauses: PendingRetry,
    private readonly pending: Map<string, PendingContainer>,
    private readonly ask: (names: readonly string[]) => void,
  ) {}

  /** Notes that a handler wants to wait. Waiting for the same handler keeps its `since` and its pause. */
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
      if (retry.dueAt > now + SLACK_MS) continue;
      retry.delayMs = Math.min(retry.delayMs * 2, this.pauses.longestMs);
      retry.dueAt = now + retry.delayMs;
      due.push(name);
    }
    this.ask(due);
    this.arm();
  }
}
