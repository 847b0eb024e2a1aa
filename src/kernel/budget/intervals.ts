import type { Reduction } from './control.js';

/** A container whose interval can be stretched. */
export interface Stretchable {
  stretch: number;
  /** Current interval, ms. */
  readonly interval: number;
}

export interface StretchableContainers<C extends Stretchable> {
  all(): Iterable<C>;
  /** CPU time of its samples, in the unit of the budget. */
  costOf(container: C): number;
  /** Adjusts the cost to a change whose effect is not measured yet. */
  scaleCost(container: C, factor: number): void;
  /** Whether a client asks for it by name. */
  isWatched(container: C): boolean;
  /** The interval of a busy container with this stretch, ms. */
  intervalOf(stretch: number): number;
  /** Sets the stretch of containers to come. */
  stretchNew(stretch: number): void;
}

/** Greatest stretch of a container, by whether a client asks for it by name. */
const MAX_STRETCH = { unwatched: 64, watched: 4 };

/** Samples less often: containers that no client asks for first, of these the most expensive, and as few as needed. */
export class IntervalReduction<C extends Stretchable> implements Reduction {
  private stretched = 0;

  constructor(private readonly containers: StretchableContainers<C>) {}

  get isActive(): boolean {
    return this.stretched > 0;
  }

  /** How many containers are stretched, and the longest interval among them, ms. */
  get state(): { readonly containers: number; readonly intervalMs: number } {
    let longest = 1;
    for (const { stretch } of this.containers.all()) longest = Math.max(longest, stretch);
    return { containers: this.stretched, intervalMs: this.containers.intervalOf(longest) };
  }

  /** Counts anew, as stretched containers come and go. */
  refresh(): void {
    let stretched = 0;
    let lowest = Number.POSITIVE_INFINITY;
    for (const container of this.containers.all()) {
      if (container.stretch > 1) stretched++;
      if (!this.containers.isWatched(container)) lowest = Math.min(lowest, container.stretch);
    }
    this.stretched = stretched;
    this.containers.stretchNew(Number.isFinite(lowest) ? lowest : 1);
  }

  giveUp(need: number): number {
    const ranked = this.ranked();
    let saved = 0;
    // Everything reaches a stretch before anything reaches twice that.
    for (let stretch = 2; stretch <= MAX_STRETCH.unwatched && saved < need; stretch *= 2) {
      for (const container of ranked) {
        if (saved >= need) break;
        saved += this.stretchTo(container, stretch);
      }
    }
    this.refresh();
    return saved;
  }

  takeBack(room: number): number {
    let taken = 0;
    const ranked = this.ranked().reverse();
    for (let stretch = MAX_STRETCH.unwatched; stretch >= 2; stretch /= 2) {
      for (const container of ranked) {
        if (container.stretch !== stretch) continue;
        const more = this.containers.costOf(container);
        if (taken + more > room) continue;
        container.stretch = stretch / 2;
        this.containers.scaleCost(container, 2);
        taken += Math.max(more, Number.EPSILON);
      }
    }
    this.refresh();
    return taken;
  }

  private stretchTo(container: C, stretch: number): number {
    const { containers } = this;
    if (container.stretch * 2 !== stretch) return 0;
    if (stretch > (containers.isWatched(container) ? MAX_STRETCH.watched : MAX_STRETCH.unwatched)) return 0;
    const interval = containers.intervalOf(container.stretch);
    // The interval of an idle container is longer anyway.
    if (container.interval > interval || containers.intervalOf(stretch) < interval * 2) return 0;
    const saved = containers.costOf(container) / 2;
    if (saved === 0) return 0;
    container.stretch = stretch;
    containers.scaleCost(container, 0.5);
    return saved;
  }

  /** The ones to stretch first at the beginning. */
  private ranked(): C[] {
    const { containers } = this;
    return [...containers.all()]
      .map((container) => ({
        container,
        watched: containers.isWatched(container) ? 1 : 0,
        cost: containers.costOf(container),
      }))
      .sort((a, b) => a.watched - b.watched || b.cost - a.cost)
      .map(({ container }) => container);
  }
}
