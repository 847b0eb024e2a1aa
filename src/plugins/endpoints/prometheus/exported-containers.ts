import {
  type ContainerView,
  type DepartedContainer,
  isSelected,
  type PluginContext,
  Slices,
} from '../../../kernel/contracts/index.js';
import type { SeriesCount } from './agent-metrics.js';
import { ExportedContainer, SharedTexts } from './exported-container.js';
import type { FamilyTable } from './families.js';
import type { LabelUnion } from './label-union.js';
import type { OomKills } from './oom-kills.js';
import type { PrometheusOptions } from './options.js';

/** Reading limits yields to the event loop after this many ms. */
const SLICE_MS = 2;

/** The exported containers, updated at each scrape. */
export class ExportedContainers {
  private readonly texts = new SharedTexts();
  private running = new Map<string, ExportedContainer>();
  private ended = new Map<string, ExportedContainer>();
  /** Those of the last answer, and the list that they come from. */
  private all: readonly ExportedContainer[] = [];
  private views: readonly ContainerView[] | undefined;
  private cutting = false;

  constructor(
    private readonly context: Pick<PluginContext, 'agent' | 'clock' | 'logger'>,
    private readonly options: PrometheusOptions,
    private readonly families: FamilyTable,
    private readonly kills: OomKills,
    private readonly union: LabelUnion,
  ) {}

  /**
   * All containers, each once: first the running ones, sorted by name, then those that ended recently.
   * @param namespace selects its containers; undefined: all
   */
  current(namespace?: string): readonly ExportedContainer[] {
    const { agent, clock } = this.context;
    const [views, departed] = [agent.containers(), agent.departed()];
    if (departed.length > 0 || !this.areCurrent(views)) this.renew(views, departed);
    const { running, ended } = this;
    this.kills.keep((name) => running.has(name) || ended.has(name), clock.monotonic());
    if (namespace === undefined) return this.all;
    return this.all.filter(({ description }) => description.namespace === namespace);
  }

  /** Whether these are the containers of the last answer, every one exported, with the same descriptions. */
  private areCurrent(views: readonly ContainerView[]): boolean {
    if (views !== this.views || views.length !== this.all.length) return false;
    for (let i = 0; i < views.length; i++) {
      const { view, description } = this.all[i]!;
      if (view !== views[i] || view!.description !== description) return false;
    }
    return true;
  }

  private renew(views: readonly ContainerView[], departed: readonly DepartedContainer[]): void {
    const running = new Map<string, ExportedContainer>();
    for (const view of views) {
      if (!isSelected(this.options, view.name, view.description.aliases)) continue;
      running.set(view.name, this.exportedOf(view));
    }
    const ended = new Map<string, ExportedContainer>();
    for (const { name, description } of departed) {
      if (running.has(name) || ended.has(name) || !isSelected(this.options, name, description.aliases)) continue;
      const known = this.ended.get(name);
      known?.update(description);
      ended.set(name, known ?? new ExportedContainer(name, description, this.union, this.families, this.texts));
    }
    for (const [name, exported] of this.running) if (running.get(name) !== exported) exported.leave();
    for (const [name, exported] of this.ended) if (ended.get(name) !== exported) exported.leave();
    this.running = running;
    this.ended = ended;
    this.views = views;
    this.all = [...running.values(), ...ended.values()];
    for (const exported of running.values()) this.warnOfLabels(exported);
  }

  /**
   * Reads outdated limits again, after an answer and not before it: the limits of a container take a dozen system
   * calls and rarely change.
   */
  async refreshLimits(): Promise<void> {
    const { clock } = this.context;
    const slices = new Slices(SLICE_MS, () => clock.monotonic());
    for (const exported of this.running.values()) {
      const now = clock.monotonic();
      if (!exported.facts.limitsOverdue(now)) continue;
      exported.facts.readLimits(now);
      if (slices.isOver()) await slices.pause();
    }
  }

  /** Logs when an answer begins or ceases to exceed `maxSeries`. */
  reported({ cut, written }: SeriesCount): void {
    if (cut > 0 === this.cutting) return;
    this.cutting = cut > 0;
    const { logger } = this.context;
    const { path, maxSeries } = this.options;
    if (cut > 0) {
      logger.warn(
        `${cut} series of containers are left out of ${path}: there are more than maxSeries (${maxSeries}); see ${path}?explain=1`,
        { written, cut },
      );
    } else logger.info(`all series of containers are in ${path} again`);
  }

  /** Logs once per container that `labelLimits` apply. */
  private warnOfLabels(exported: ExportedContainer): void {
    const { leftOut, cut } = exported.own;
    if (exported.warnedOfLabels || leftOut + cut === 0) return;
    exported.warnedOfLabels = true;
    const { path } = this.options;
    this.context.logger.warn(
      `${exported.name} has more labels than ${path} takes (labelLimits): left out: ${leftOut}, values cut: ${cut}`,
      { container: exported.name, leftOut, cut },
    );
  }

  private exportedOf(view: ContainerView): ExportedContainer {
    const known = this.running.get(view.name);
    if (known?.view !== view)
      return new ExportedContainer(view.name, view.description, this.union, this.families, this.texts, view);
    known.update(view.description);
    return known;
  }
}
