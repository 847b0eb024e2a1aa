import type { Pace } from '../supervision/index.js';
import type { Reduction } from './control.js';

/** A sink whose interval can be stretched. */
export interface PacedSink {
  readonly id: string;
  readonly pace: Pace;
}

export interface PacedSinks {
  all(): readonly PacedSink[];
  /** What the sink uses, in the unit of the budget. */
  costOf(id: string): number;
  /** Adjusts the cost to a change whose effect is not measured yet. */
  scaleCost(id: string, factor: number): void;
}

const MAX_STRETCH = 16;
/** No sink is stretched beyond this: Prometheus takes series for ended that have no sample for five minutes. ms */
const MAX_INTERVAL_MS = 120_000;
/** Sinks that cost less than this share of what is needed are left alone. */
const WORTH_SHARE = 0.05;
/** A sink that costs more than this share of what is needed is stretched before anything else. */
const DOMINANT_SHARE = 0.5;

/** Takes and sends samples of sinks less often, the most expensive first. */
export class SinkReduction implements Reduction {
  /** Stretches only what is expensive by itself; everything is taken back by the reduction itself. */
  readonly dominant: Reduction = {
    isActive: false,
    giveUp: (need) => this.stretchFrom(need, DOMINANT_SHARE),
    takeBack: () => 0,
  };

  constructor(private readonly sinks: PacedSinks) {}

  get isActive(): boolean {
    return this.stretched().length > 0;
  }

  /** The stretched sinks, and the longest interval among them, ms. */
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
    const cheapestFirst = this.stretched().sort((a, b) => this.sinks.costOf(a.id) - this.sinks.costOf(b.id));
    for (const { id, pace } of cheapestFirst) {
      while (pace.stretch > 1) {
        const more = this.sinks.costOf(id);
        if (taken + more > room) break;
        pace.stretch /= 2;
        this.sinks.scaleCost(id, 2);
        taken += Math.max(more, Number.EPSILON);
      }
    }
    return taken;
  }

  private stretchFrom(need: number, share: number): number {
    let saved = 0;
    const { sinks } = this;
    const ranked = sinks.all().toSorted((a, b) => sinks.costOf(b.id) - sinks.costOf(a.id));
    for (const { id, pace } of ranked) {
      while (saved < need && canStretch(pace)) {
        const cost = sinks.costOf(id);
        if (cost <= 0 || cost < need * share) break;
        pace.stretch *= 2;
        sinks.scaleCost(id, 0.5);
        saved += cost / 2;
      }
    }
    return saved;
  }

  private stretched(): PacedSink[] {
    return this.sinks.all().filter(({ pace }) => pace.stretch > 1);
  }
}

function canStretch({ stretch, intervalMs, isCheaperWhenStretched }: Pace): boolean {
  return isCheaperWhenStretched && stretch < MAX_STRETCH && intervalMs * stretch * 2 <= MAX_INTERVAL_MS;
}
