import type { Reduction } from './control.js';
import { Rate } from './costs.js';

/** Decides which requests are answered. */
export interface QueryGate {
  /**
   * Asked before a plugin's handler runs.
   * @param route `/api/v2.0/stats` @param target path and query of the request
   * @returns after how many seconds the client may try again; `undefined`: the request is answered
   */
  admit(route: string, target: string): number | undefined;
  /** Called with what an answer cost, ms of the event loop. */
  spent(route: string, target: string, ms: number): void;
}

/** Requests whose answers take less are never refused, ms. */
const EXPENSIVE_MS = 10;
/** How many different requests the costs are remembered of, in addition to the routes. */
export const MAX_REMEMBERED_TARGETS = 256;
export const MAX_REMEMBERED_ROUTES = 1_024;
/** Seconds of the allowance that may be spent at once. */
const BURST_S = 10;
const MAX_RETRY_AFTER_S = 60;
/** The allowance never falls below this share of what answers took before. */
const MIN_SHARE = 1 / 16;
const WEIGHT_OF_LATEST = 0.3;

/**
 * Refuses expensive requests while they take more than their allowance: a bucket that fills with the allowance and from
 * which each expensive answer takes what it cost. Some are always answered.
 */
export class QueryReduction implements Reduction, QueryGate {
  readonly onlyAboveLimit = true;
  refused = 0;
  private readonly routes = new Map<string, number>();
  private readonly targets = new Map<string, number>();
  private readonly answered = new Rate();
  private answeredMs = 0;
  /** What refused requests would have taken. */
  private readonly saved = new Rate();
  private savedMs = 0;
  /** ms of expensive answers per second that are allowed; `undefined`: everything is answered. */
  allowance: number | undefined;
  private initialRate = 0;
  private bucket = 0;
  private filledAt = 0;

  /** @param now monotonic ms */
  constructor(private readonly now: () => number) {}

  get isActive(): boolean {
    return this.allowance !== undefined;
  }

  /** Called regularly, for the averages. */
  refresh(): void {
    const now = this.now();
    this.answered.update(this.answeredMs, now);
    this.saved.update(this.savedMs, now);
  }

  admit(route: string, target: string): number | undefined {
    if (this.allowance === undefined) return undefined;
    const cost = this.targets.get(target) ?? this.routes.get(route) ?? 0;
    if (cost < EXPENSIVE_MS) return undefined;
    this.fill(this.allowance);
    if (this.bucket > 0) return undefined;
    this.refused++;
    this.savedMs += cost;
    return Math.min(MAX_RETRY_AFTER_S, Math.max(1, Math.ceil(-this.bucket / this.allowance)));
  }

  spent(route: string, target: string, ms: number): void {
    const cost = remember(this.routes, route, ms, MAX_REMEMBERED_ROUTES);
    // Cheap requests are known by their route.
    if (ms >= EXPENSIVE_MS || this.targets.has(target)) remember(this.targets, target, ms, MAX_REMEMBERED_TARGETS);
    if (Math.max(ms, cost) < EXPENSIVE_MS) return;
    this.answeredMs += ms;
    if (this.allowance === undefined) return;
    this.fill(this.allowance);
    this.bucket -= ms;
  }

  giveUp(need: number): number {
    const current = this.answered.perSecond;
    if (current < 1) return 0;
    if (this.allowance === undefined) {
      this.initialRate = current;
      this.filledAt = this.now();
      this.bucket = 0;
    }
    const from = Math.min(this.allowance ?? current, current);
    const allowance = Math.max(this.initialRate * MIN_SHARE, from - need);
    if (this.allowance !== undefined && allowance > this.allowance * 0.95) return 0;
    this.allowance = allowance;
    return from - allowance;
  }

  takeBack(room: number): number {
    if (this.allowance === undefined) return 0;
    const more = this.saved.perSecond;
    if (more > room) {
      // All that is asked for does not fit, but some of it may.
      if (room < this.allowance * 0.25) return 0;
      this.allowance += room;
      return room;
    }
    this.allowance = undefined;
    return Math.max(more, Number.EPSILON);
  }

  private fill(allowance: number): void {
    const now = this.now();
    this.bucket = Math.min(allowance * BURST_S, this.bucket + ((now - this.filledAt) / 1000) * allowance);
    this.filledAt = now;
  }
}

/** Keeps an average by key; the key that was used longest ago makes room. @returns the average */
function remember(costs: Map<string, number>, key: string, ms: number, most: number): number {
  const before = costs.get(key);
  const cost = before === undefined ? ms : before + (ms - before) * WEIGHT_OF_LATEST;
  costs.delete(key);
  if (costs.size >= most) costs.delete(costs.keys().next().value!);
  costs.set(key, cost);
  return cost;
}
