import type { Clock, PendingContainer } from '../contracts/index.js';

interface Waiting extends PendingContainer {
  delay: number;
  /** Monotonic ms. */
  dueAt: number;
}

/** Timer slack: what is due within so many ms is asked about together. */
const SLACK = 20;

/** Cgroups that wait for their handler, each asked about again after growing pauses. */
export class PendingQueue {
  readonly #waiting = new Map<string, Waiting>();
  readonly #clock: Clock;
  readonly #retry: { readonly first: number; readonly longest: number };
  readonly #ask: (names: readonly string[]) => void;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(
    clock: Clock,
    retry: { readonly first: number; readonly longest: number },
    ask: (names: readonly string[]) => void,
  ) {
    this.#clock = clock;
    this.#retry = retry;
    this.#ask = ask;
  }

  /** Notes that a handler wants to wait. Waiting for the same handler keeps its `since` and its pause. */
  add(name: string, handler: string, reason: string): void {
    const known = this.#waiting.get(name);
    const again = known?.handler === handler ? known : undefined;
    const delay = again?.delay ?? this.#retry.first;
    this.#waiting.set(name, {
      name,
      handler,
      reason,
      since: again?.since ?? this.#clock.now(),
      delay,
      dueAt: again?.dueAt ?? this.#clock.monotonic() + delay,
    });
    this.#arm();
  }

  delete(name: string): void {
    this.#waiting.delete(name);
  }

  namesOf(handler: string): string[] {
    return [...this.#waiting.values()].filter((waiting) => waiting.handler === handler).map(({ name }) => name);
  }

  /** Sorted by name. */
  list(): PendingContainer[] {
    return [...this.#waiting.values()]
      .map(({ name, handler, reason, since }) => ({ name, handler, reason, since }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  clear(): void {
    this.#waiting.clear();
    this.#disarm();
  }

  #arm(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.#waiting.values()) next = Math.min(next, dueAt);
    if (next >= this.#timerAt) return;
    this.#disarm();
    this.#timerAt = next;
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(0, next - this.#clock.monotonic()));
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #onTimer(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.monotonic();
    const due = [...this.#waiting.values()].filter(({ dueAt }) => dueAt <= now + SLACK);
    for (const waiting of due) {
      waiting.delay = Math.min(waiting.delay * 2, this.#retry.longest);
      waiting.dueAt = now + waiting.delay;
    }
    this.#ask(due.map(({ name }) => name));
    this.#arm();
  }
}
