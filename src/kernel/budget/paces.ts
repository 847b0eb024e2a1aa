import { MAX_STRETCHED_MS, type Pace } from '../supervision/index.js';
import { earlyPart, type Reduction } from './control.js';

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

const MAX_STRETCH = 16;
/** Plugins that cost less than this share of what is needed are left alone. */
const WORTH_SHARE = 0.05;
/** A plugin that costs more than this share of what is needed is stretched before anything else. */
const DOMINANT_SHARE = 0.5;

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
  return isCheaperWhenStretched && stretch < MAX_STRETCH && intervalMs * stretch * 2 <= MAX_STRETCHED_MS;
}
