import {
  type ContainerDescription,
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
  private byName: ReadonlyMap<string, ExportedContainer> = new Map();
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
    this.kills.keep((name) => this.byName.has(name), clock.monotonic());
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
    const { byName: before, families, options, union, texts } = this;
    const byName = new Map<string, ExportedContainer>();
    const add = (name: string, description: ContainerDescription, view?: ContainerView): void => {
      if (byName.has(name) || !isSelected(options, name, description.aliases)) return;
      const known = before.get(name);
      if (known === undefined || known.view !== view) {
        byName.set(name, new ExportedContainer(name, description, union, families, texts, view));
      } else {
        known.update(description);
        byName.set(name, known);
      }
    };
    for (const view of views) add(view.name, view.description, view);
    for (const { name, description } of departed) add(name, description);
    for (const [name, exported] of before) if (byName.get(name) !== exported) exported.leave();
    this.byName = byName;
    this.views = views;
    this.all = [...byName.values()];
    for (const exported of this.all) if (exported.view !== undefined) this.warnOfLabels(exported);
  }

  /**
   * Reads outdated limits again, after an answer and not before it: the limits of a container take a dozen system
   * calls and rarely change.
   */
  async refreshLimits(): Promise<void> {
    const { clock } = this.context;
    const slices = new Slices(SLICE_MS, () => clock.monotonic());
    for (const exported of this.all) {
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
}
