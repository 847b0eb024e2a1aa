import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type AgentView,
  type Clock,
  type ContainerView,
  isSelected,
  type Logger,
} from '../../../kernel/contracts/index.js';
import type { SeriesCount } from './agent-metrics.js';
import { type Identify, LabelUnion } from './container-text.js';
import type { FamilyTable } from './families.js';
import type { OomKills } from './oom-kills.js';
import type { PrometheusOptions } from './options.js';
import { SharedTexts, Subject } from './subject.js';

/** That reading yields to the event loop after this many ms. */
const SLICE = 2;

/** The containers to be shown, kept in step with the agent at each scrape. */
export class Subjects {
  private readonly union: LabelUnion;
  private readonly texts = new SharedTexts();
  private living = new Map<string, Subject>();
  private ended = new Map<string, Subject>();
  private cutting = false;

  constructor(
    private readonly agent: AgentView,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly options: PrometheusOptions,
    private readonly families: FamilyTable,
    private readonly kills: OomKills,
    identify?: Identify,
  ) {
    this.union = new LabelUnion(options, identify);
  }

  /**
   * All containers as they are now: first the ones that live, sorted by name, then those that ended a short while ago.
   * Each name is in it once.
   * @param namespace leaves out all others' containers; undefined: all
   */
  current(namespace?: string): readonly Subject[] {
    const living = new Map<string, Subject>();
    for (const view of this.agent.containers()) {
      if (!isSelected(this.options, view.name, view.description.aliases)) continue;
      living.set(view.name, this.subjectOf(view));
    }
    const ended = new Map<string, Subject>();
    for (const { name, description } of this.agent.departed()) {
      if (living.has(name) || ended.has(name) || !isSelected(this.options, name, description.aliases)) continue;
      const known = this.ended.get(name);
      known?.update(description);
      ended.set(name, known ?? new Subject(name, description, this.union, this.families, this.texts));
    }
    for (const [name, subject] of this.living) if (living.get(name) !== subject) subject.leave();
    for (const [name, subject] of this.ended) if (ended.get(name) !== subject) subject.leave();
    this.living = living;
    this.ended = ended;
    for (const subject of living.values()) this.tellLoss(subject);
    this.kills.keep((name) => living.has(name) || ended.has(name), this.clock.monotonic());
    const all = [...living.values(), ...ended.values()];
    if (namespace === undefined) return all;
    return all.filter(({ text }) => text.description.namespace === namespace);
  }

  /**
   * Reads the limits of containers again for which it is time. Done after an answer and not for it: a container's limits
   * take a dozen system calls and hardly ever change.
   */
  async refreshLimits(): Promise<void> {
    let since = this.clock.monotonic();
    for (const subject of this.living.values()) {
      const now = this.clock.monotonic();
      if (!subject.facts.limitsOverdue(now)) continue;
      subject.facts.readLimits(now);
      if (now - since < SLICE) continue;
      await nextTurn();
      since = this.clock.monotonic();
    }
  }

  /** Takes note of what the last answer held, and says once when series begin or cease to be cut. */
  reported({ cut, written }: SeriesCount): void {
    if (cut > 0 === this.cutting) return;
    this.cutting = cut > 0;
    if (cut > 0) {
      this.logger.warn(
        `${cut} series of containers are left out of ${this.options.path}: there are more than maxSeries (${this.options.maxSeries}); see ${this.options.path}?explain=1`,
        { written, cut },
      );
    } else this.logger.info(`all series of containers are in ${this.options.path} again`);
  }

  /** Once in a container's life. */
  private tellLoss(subject: Subject): void {
    const { leftOut, cut } = subject.text.own;
    if (subject.lossTold || leftOut + cut === 0) return;
    subject.lossTold = true;
    const { path } = this.options;
    this.logger.warn(
      `${subject.name} has more labels than ${path} takes (labelLimits): left out: ${leftOut}, values cut: ${cut}`,
      { container: subject.name, leftOut, cut },
    );
  }

  private subjectOf(view: ContainerView): Subject {
    const known = this.living.get(view.name);
    if (known?.view !== view)
      return new Subject(view.name, view.description, this.union, this.families, this.texts, view);
    known.update(view.description);
    return known;
  }
}
