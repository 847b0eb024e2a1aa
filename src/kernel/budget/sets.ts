import { earlyPart, type Reduction } from './control.js';

/** A metric source that can be left out. */
export interface OptionalSet {
  readonly id: string;
  /** What it uses, in the unit of the budget. */
  readonly cost: number;
}

export interface OptionalSets {
  /** The optional sets that are sampled now. */
  sampled(): readonly OptionalSet[];
  suspend(id: string): void;
  resume(id: string): void;
  /** Whether it is still configured. */
  exists(id: string): boolean;
}

/** Sets that cost less than this share of what is needed stay. */
const WORTH_SHARE = 0.05;
/** A set that costs more than this share of what is needed goes before anything else. */
const DOMINANT_SHARE = 0.5;

/** Leaves optional metrics out, the most expensive first. */
export class SetReduction implements Reduction {
  /** What each set used when it was suspended. */
  private readonly suspended = new Map<string, number>();

  /** Suspends only what is expensive by itself. */
  readonly dominant = earlyPart((need) => this.suspendFrom(need, DOMINANT_SHARE));

  constructor(private readonly sets: OptionalSets) {}

  get isActive(): boolean {
    return this.suspended.size > 0;
  }

  get state(): readonly string[] {
    return [...this.suspended.keys()];
  }

  /** Forgets those that are no longer configured. */
  refresh(): void {
    for (const id of this.suspended.keys()) if (!this.sets.exists(id)) this.suspended.delete(id);
  }

  giveUp(need: number): number {
    return this.suspendFrom(need, WORTH_SHARE);
  }

  private suspendFrom(need: number, share: number): number {
    let saved = 0;
    const ranked = [...this.sets.sampled()].sort((a, b) => b.cost - a.cost);
    for (const { id, cost } of ranked) {
      if (saved >= need || cost <= 0 || cost < need * share) break;
      this.sets.suspend(id);
      this.suspended.set(id, cost);
      saved += cost;
    }
    return saved;
  }

  takeBack(room: number): number {
    let taken = 0;
    const cheapestFirst = [...this.suspended].sort(([, a], [, b]) => a - b);
    for (const [id, cost] of cheapestFirst) {
      if (taken + cost > room) break;
      this.sets.resume(id);
      this.suspended.delete(id);
      taken += cost;
    }
    return taken;
  }
}
