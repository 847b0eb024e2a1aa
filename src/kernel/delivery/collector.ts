import {
  type AgentView,
  type Clock,
  type ContainerDescription,
  ContainerFacts,
  type ContainerView,
  cadvisorNaming,
  type ExportContainer,
  type ExportSample,
  exportedName,
  type FactSeries,
  type Families,
  hostAndCluster,
  isSelected,
  type Label,
  type Layout,
  type Logger,
  type MetricFamily,
  type MetricType,
  type Naming,
  nameLabel,
  ownLabels,
  type PlannedSeries,
  planLayout,
  type SampleCursor,
  type Sink,
  type SinkOptions,
} from '../contracts/index.js';
import { ResolvedRow } from './resolution.js';
import { Applications, type FamilyOf, hostSubject, type ValuesSubject } from './values.js';

const NO_FACTS: readonly FactSeries[] = [];

/** The metric families of one sink. */
class SinkFamilies implements Families<MetricFamily> {
  private readonly families = new Map<string, MetricFamily | undefined>();
  private count = 0;

  constructor(private readonly options: SinkOptions) {}

  take(name: string, type: MetricType, help: string, unit?: string): MetricFamily | undefined {
    if (this.families.has(name)) return this.families.get(name);
    const family = this.make(name, type, help, this.count, unit);
    if (family !== undefined) this.count++;
    this.families.set(name, family);
    return family;
  }

  /** A family that is not cached, because applications may have any number of names. */
  passing(name: string, type: MetricType, help: string): MetricFamily | undefined {
    return this.make(name, type, help, -1);
  }

  private make(name: string, type: MetricType, help: string, index: number, unit?: string): MetricFamily | undefined {
    const exported = exportedName(this.options, name);
    if (exported === undefined) return undefined;
    if (this.options.resolution !== 'rate' || type !== 'counter') return { name: exported, type, help, unit, index };
    const rate = `${exported.replace(/_total$/, '')}_per_second`;
    return { name: rate, type: 'gauge', help: `${help} Per second.`, index };
  }
}

/** A container that a sink knows. */
export class TrackedContainer implements ExportContainer {
  readonly kind = 'container';
  /** Time of the newest sample that was taken over, µs; 0: none. */
  takenAt = 0;
  /** The newest row, for rates. */
  readonly row = new ResolvedRow();
  readonly facts: ContainerFacts<MetricFamily>;
  readonly applications: Applications;

  constructor(
    readonly view: ContainerView,
    public description: ContainerDescription,
    families: Families<MetricFamily>,
    public labels: readonly Label[],
    /** Batches of one lane are sent one after the other. */
    readonly lane: number,
    familyOf: FamilyOf,
  ) {
    this.facts = new ContainerFacts(families, view);
    this.applications = new Applications(this, familyOf);
  }

  get name(): string {
    return this.view.name;
  }
}

/** What samples are taken of. */
export type Subject = TrackedContainer | ValuesSubject;

/** The sample that is being encoded. */
class CurrentSample implements ExportSample {
  container!: Subject;
  series: readonly PlannedSeries[] = [];
  facts: readonly FactSeries[] = [];
  cursor = {} as SampleCursor;

  get time(): number {
    return this.cursor.time;
  }

  value(index: number): number {
    const { column, minus, only, divisor } = this.series[index]!;
    const { values, base } = this.cursor;
    let value = values[base + column]!;
    if (minus >= 0) value -= values[base + minus]!;
    if (only === 'nonZero' && value === 0) return Number.NaN;
    if (only === 'quota' && !(this.container as TrackedContainer).facts.hasQuota) return Number.NaN;
    return divisor === 1 ? value : value / divisor;
  }
}

/** Collects the new samples of the containers that a sink selects. */
export class SampleCollector {
  readonly sample = new CurrentSample();
  private readonly options: SinkOptions;
  private readonly naming: Naming;
  private readonly families: SinkFamilies;
  private readonly plans = new WeakMap<Layout, readonly PlannedSeries[]>();
  private readonly cursor = {} as SampleCursor;
  private tracked = new Map<string, TrackedContainer>();
  private subjects: ReadonlySet<Subject> = new Set();
  private host: readonly ValuesSubject[] | undefined;
  private readonly external: readonly Label[];
  private readonly content: ReadonlySet<SinkOptions['content'][number]>;
  /** What a collector before this one had taken, until the first call of `current`. */
  private takenBefore: ReadonlyMap<ContainerView, number> | undefined;

  /** @param before the collector that this one replaces; samples that it has taken are not taken again */
  constructor(
    private readonly agent: AgentView,
    private readonly clock: Clock,
    private readonly logger: Logger,
    { options, naming = cadvisorNaming, containersOnly = false }: Pick<Sink, 'options' | 'naming' | 'containersOnly'>,
    before?: SampleCollector,
  ) {
    this.takenBefore = before?.takenTimes();
    this.options = options;
    this.naming = naming;
    this.families = new SinkFamilies(options);
    this.content = new Set(options.content.filter((content) => !containersOnly || content === 'containers'));
    this.external = Object.entries({ ...options.externalLabels, ...hostAndCluster(options) }).filter(
      ([, value]) => value !== '',
    );
  }

  /**
   * The selected containers, and those that were selected at the last call and no longer are. The caller collects the former and ends the
   * latter before the next call.
   */
  current(): { readonly living: readonly Subject[]; readonly ended: readonly Subject[] } {
    const before = this.tracked;
    this.tracked = new Map();
    for (const view of this.agent.containers()) {
      if (!isSelected(this.options, view.name, view.description.aliases)) continue;
      this.tracked.set(view.name, this.track(view, before.get(view.name)));
    }
    this.takenBefore = undefined;
    const living = new Set<Subject>(this.content.has('containers') ? this.tracked.values() : []);
    if (this.content.has('applications')) {
      for (const { view, applications } of this.tracked.values()) {
        if (view.appMetrics === undefined) continue;
        for (const application of applications.current(this.clock.now())) living.add(application);
      }
    }
    for (const subject of this.hostSubjects()) living.add(subject);
    const ended = [...this.subjects].filter((subject) => !living.has(subject));
    this.subjects = living;
    return { living: [...living], ended };
  }

  private takenTimes(): ReadonlyMap<ContainerView, number> {
    return new Map(Array.from(this.tracked.values(), ({ view, takenAt }) => [view, takenAt]));
  }

  /** The machine and the agent, where `content` has them. */
  private hostSubjects(): readonly ValuesSubject[] {
    if (this.host !== undefined) return this.host;
    const kinds = (['machine', 'agent'] as const).filter((kind) => this.content.has(kind));
    const root = kinds.length > 0 ? this.agent.container('/') : undefined;
    if (root === undefined) return [];
    const familyOf: FamilyOf = (name, type, help) => this.families.take(name, type, help);
    const labels = this.external.toSorted(([a], [b]) => (a < b ? -1 : 1));
    this.host = kinds.map((kind) => hostSubject(kind, this.agent, root, labels, familyOf));
    return this.host;
  }

  /**
   * Calls `take` for each new sample, as the option `resolution` says; `this.sample` is the sample then.
   */
  collect(subject: Subject, take: () => void): void {
    if (subject.kind === 'container') this.collectContainer(subject, take);
    else this.collectValues(subject, take);
  }

  /** Applications, the machine and the agent have one sample per interval. */
  private collectValues(subject: ValuesSubject, take: () => void): void {
    const next = subject.next(this.clock.now());
    if (next === undefined || next.cursor.time <= subject.takenAt) return;
    subject.takenAt = next.cursor.time;
    const { sample } = this;
    sample.container = subject;
    sample.cursor = this.options.resolution === 'rate' ? subject.row.rate(next.cursor) : next.cursor;
    sample.series = next.series;
    sample.facts = NO_FACTS;
    take();
  }

  private collectContainer(container: TrackedContainer, take: () => void): void {
    const { resolution } = this.options;
    const { takenAt } = container;
    // Of the samples from before the sink started only the newest is sent.
    const onlyNewest = takenAt === 0 || resolution === 'last' || resolution === 'rate';
    const window = container.view.samples(onlyNewest ? { count: 1 } : { start: takenAt + 1 });
    if (window.length === 0) return;
    const newest = window.at(window.length - 1, this.cursor);
    if (newest.time <= takenAt) return;
    if (container.facts.limitsOverdue(this.clock.monotonic())) container.facts.readLimits(this.clock.monotonic());
    if (resolution === 'all') {
      for (let i = 0; i < window.length; i++) this.present(container, window.at(i, this.cursor), take);
    } else if (resolution === 'rate') this.present(container, container.row.rate(newest), take);
    else if (onlyNewest || window.length === 1) this.present(container, newest, take);
    else this.present(container, container.row.aggregate(window, newest, resolution), take);
    container.takenAt = newest.time;
  }

  private present(container: TrackedContainer, cursor: SampleCursor, take: () => void): void {
    const { sample } = this;
    sample.container = container;
    sample.cursor = cursor;
    sample.series = this.planOf(cursor.layout);
    sample.facts = container.facts.of(container.description);
    take();
  }

  private planOf(layout: Layout): readonly PlannedSeries[] {
    let plan = this.plans.get(layout);
    if (plan === undefined) {
      plan = planLayout(layout, this.naming, this.families);
      this.plans.set(layout, plan);
    }
    return plan;
  }

  private track(view: ContainerView, known: TrackedContainer | undefined): TrackedContainer {
    const { description } = view;
    if (known?.view !== view) {
      const lane = laneOf(view.name, this.options.concurrency);
      const labels = this.labelsOf(view.name, description);
      const familyOf: FamilyOf = (name, type, help) => this.families.passing(name, type, help);
      const tracked = new TrackedContainer(view, description, this.families, labels, lane, familyOf);
      tracked.takenAt = this.takenBefore?.get(view) ?? 0;
      return tracked;
    }
    if (known.description !== description) {
      known.description = description;
      known.labels = this.labelsOf(view.name, description);
      known.facts.changed();
    }
    return known;
  }

  private labelsOf(name: string, description: ContainerDescription): readonly Label[] {
    const { image = '' } = description;
    const own = ownLabels(description, this.options);
    if (own.leftOut + own.cut > 0) {
      this.logger.warn(
        `${name} has more labels than are sent (labelLimits): left out: ${own.leftOut}, values cut: ${own.cut}`,
        { container: name },
      );
    }
    const labels = new Map([
      ...this.external,
      ...own.values,
      ['id', name],
      ['image', image],
      ['name', nameLabel(description, this.options)],
    ]);
    return [...labels].filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** Spreads containers over lanes by their names. */
function laneOf(name: string, lanes: number): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) >>> 0;
  return hash % lanes;
}
