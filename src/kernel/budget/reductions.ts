import { MAX_STRETCHED_MS, type Pace } from '../supervision/index.js';
import type { Reduction } from './control.js';

/** Plugins that cost less than this share of what is needed are left alone. */
const WORTH_SHARE = 0.05;
/** A plugin that costs more than this share of what is needed is reduced before anything else. */
const DOMINANT_SHARE = 0.5;

/** The part of a reduction that is tried before others; what it gave up is taken back by the reduction itself. */
function earlyPart(giveUp: Reduction['giveUp']): Reduction {
  return { isActive: false, giveUp, takeBack: () => 0 };
}

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
  private longest = 1;

  constructor(private readonly containers: StretchableContainers<C>) {}

  get isActive(): boolean {
    return this.stretched > 0;
  }

  /** How many containers are stretched, and the longest interval among them, ms. */
  get state(): { readonly containers: number; readonly intervalMs: number } {
    return { containers: this.stretched, intervalMs: this.containers.intervalOf(this.longest) };
  }

  /** Counts anew, as stretched containers come and go. */
  refresh(): void {
    let stretched = 0;
    let lowest = Number.POSITIVE_INFINITY;
    let longest = 1;
    for (const container of this.containers.all()) {
      if (container.stretch > 1) stretched++;
      longest = Math.max(longest, container.stretch);
      if (!this.containers.isWatched(container)) lowest = Math.min(lowest, container.stretch);
    }
    this.stretched = stretched;
    this.longest = longest;
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

/** A plugin that does something at an interval, which can be stretched: a sink sends, a handler asks its engine. */
export interface PacedPlugin {
  readonly id: string;
  readonly pace: Pace;
}

export interface PacedPlugins {
  all(): readonly PacedPlugin[];
  /** What the plugin uses, in the unit of the budget. */
  costOf(id: string): number;
  /** Adjusts the cost to a change whose effect is not measured yet. */
  scaleCost(id: string, factor: number): void;
}

const MAX_PACE_STRETCH = 16;

/** Lets plugins do what they do at an interval less often, the most expensive first. */
export class PaceReduction implements Reduction {
  /** Stretches only what is expensive by itself. */
  readonly dominant = earlyPart((need) => this.stretchFrom(need, DOMINANT_SHARE));

  constructor(private readonly plugins: PacedPlugins) {}

  get isActive(): boolean {
    return this.stretched().length > 0;
  }

  /** The stretched plugins, and the longest interval among them, ms. */
  get state(): { readonly ids: readonly string[]; readonly intervalMs: number } {
    const stretched = this.stretched();
    const intervals = stretched.map(({ pace }) => pace.intervalMs * pace.stretch);
    return { ids: stretched.map(({ id }) => id), intervalMs: Math.max(0, ...intervals) };
  }

  giveUp(need: number): number {
    return this.stretchFrom(need, WORTH_SHARE);
  }

  takeBack(room: number): number {
    let taken = 0;
    const cheapestFirst = this.stretched().sort((a, b) => this.plugins.costOf(a.id) - this.plugins.costOf(b.id));
    for (const { id, pace } of cheapestFirst) {
      while (pace.stretch > 1) {
        const more = this.plugins.costOf(id);
        if (taken + more > room) break;
        pace.stretch /= 2;
        this.plugins.scaleCost(id, 2);
        taken += Math.max(more, Number.EPSILON);
      }
    }
    return taken;
  }

  private stretchFrom(need: number, share: number): number {
    let saved = 0;
    const { plugins } = this;
    const ranked = plugins.all().toSorted((a, b) => plugins.costOf(b.id) - plugins.costOf(a.id));
    for (const { id, pace } of ranked) {
      while (saved < need && canStretch(pace)) {
        const cost = plugins.costOf(id);
        if (cost <= 0 || cost < need * share) break;
        pace.stretch *= 2;
        plugins.scaleCost(id, 0.5);
        saved += cost / 2;
      }
    }
    return saved;
  }

  private stretched(): PacedPlugin[] {
    return this.plugins.all().filter(({ pace }) => pace.stretch > 1);
  }
}

function canStretch({ stretch, intervalMs, isCheaperWhenStretched }: Pace): boolean {
  return isCheaperWhenStretched && stretch < MAX_PACE_STRETCH && intervalMs * stretch * 2 <= MAX_STRETCHED_MS;
}

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
    for (const id of this.suspended.keys()) if (!this.sets.exists(id)) this.resume(id);
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
      this.resume(id);
      taken += cost;
    }
    return taken;
  }

  private resume(id: string): void {
    this.sets.resume(id);
    this.suspended.delete(id);
  }
}

export interface ShortenedHistory {
  /** Bytes of all samples in memory. */
  readonly bytes: number;
  keep(share: number): void;
}

/** The history is never shorter than this share of what is configured. */
const MIN_SHARE = 1 / 8;

/** Keeps a shorter history, halving it each time. */
export class HistoryReduction implements Reduction {
  /** Share of the configured history that is kept. */
  share = 1;

  constructor(private readonly history: ShortenedHistory) {}

  get isActive(): boolean {
    return this.share < 1;
  }

  giveUp(need: number): number {
    const { bytes } = this.history;
    let saved = 0;
    while (saved < need && this.share > MIN_SHARE && bytes > 0) {
      this.share /= 2;
      saved += (bytes - saved) / 2;
    }
    if (saved > 0) this.history.keep(this.share);
    return saved;
  }

  takeBack(room: number): number {
    let taken = 0;
    // A doubled history takes as much again.
    for (let bytes = Math.max(this.history.bytes, 1); this.isActive && taken + bytes <= room; bytes *= 2) {
      this.share *= 2;
      taken += bytes;
    }
    if (taken > 0) this.history.keep(this.share);
    return taken;
  }
}
