import {
  type AgentView,
  type ContainerDescription,
  type ContainerEvent,
  type ContainerView,
  EVENT_TYPES,
  type EventType,
  type Increase,
  type LabelledValue,
  type Layout,
  type Rule,
  type RuleSubject,
  type SampleCursor,
} from '../contracts/index.js';

/** How far back a counter is compared, µs. */
const SPAN_US = 60_000_000;
const MIN_SPAN_US = 1_000_000;
/** How far back events are looked at, µs. */
const EVENTS_SPAN_US = 3_600_000_000;
const INCIDENTS: ReadonlySet<EventType> = new Set(EVENT_TYPES.filter((type) => type !== 'containerCreation'));
const NO_EVENTS: readonly ContainerEvent[] = [];
const NO_LAYOUT: Layout = { columns: [], indexOf: () => -1, indexesOf: () => [] };
const NO_SAMPLE: SampleCursor = emptyCursor();
const NEWEST = { count: 1 };

/** The two samples of a subject that its rules compare. */
class ComparedSamples {
  readonly newest: SampleCursor = emptyCursor();
  /** The newest sample that is at least a minute older than the newest one, else the oldest. */
  readonly reference: SampleCursor = emptyCursor();
  /** The oldest sample from the reference on that has the columns of the newest one. */
  private readonly alike: SampleCursor = emptyCursor();
  private container: ContainerView | undefined;
  private hasReference = false;
  private hasAlike = false;

  newestOf(container: ContainerView | undefined): SampleCursor {
    if (container === undefined) return NO_SAMPLE;
    if (container !== this.container) {
      this.container = container;
      this.hasReference = false;
      this.hasAlike = false;
      const window = container.samples(NEWEST);
      if (window.length > 0) window.at(0, this.newest);
      else Object.assign(this.newest, NO_SAMPLE);
    }
    return this.newest;
  }

  referenceOf(container: ContainerView | undefined): SampleCursor {
    const { time } = this.newestOf(container);
    if (container === undefined || time === 0) return NO_SAMPLE;
    if (!this.hasReference) {
      this.hasReference = true;
      const before = container.samples({ count: 1, end: time - SPAN_US });
      (before.length > 0 ? before : container.samples()).at(0, this.reference);
    }
    return this.reference;
  }

  /** For columns that the reference lacks, such as those of an interface that appeared after the container. */
  alikeOf(container: ContainerView | undefined): SampleCursor {
    const { layout } = this.newestOf(container);
    const { time } = this.referenceOf(container);
    if (container === undefined || time === 0) return NO_SAMPLE;
    if (!this.hasAlike) {
      this.hasAlike = true;
      const window = container.samples({ start: time });
      for (let i = 0; i < window.length && window.at(i, this.alike).layout !== layout; ) i++;
    }
    return this.alike;
  }
}

/** What all subjects of one question share. Nothing is looked up before a rule asks for it. */
export class Question {
  private allSubjects: readonly Subject[] | undefined;
  private hostSubject: Subject | null | undefined;
  private events: Map<string, ContainerEvent[]> | undefined;
  private eventful: Set<string> | undefined;
  private readonly rulesMet = new Map<readonly Rule[], readonly Rule[]>();
  private readonly hostConditions = new Map<(host: RuleSubject) => boolean, boolean>();
  /** Containers are judged one after the other, so one buffer serves them all; the machine is compared with each. */
  private readonly samples = new ComparedSamples();
  private readonly hostSamples = new ComparedSamples();

  /** @param now µs since the epoch */
  constructor(
    readonly agent: AgentView,
    readonly now: number,
  ) {}

  get all(): readonly Subject[] {
    this.allSubjects ??= this.agent.containers().map((container) => this.of(container));
    return this.allSubjects;
  }

  get host(): Subject | undefined {
    if (this.hostSubject === undefined) {
      const first = this.agent.containers()[0];
      this.hostSubject = first?.name === '/' ? new Subject(first.name, first.description, first, this) : null;
    }
    return this.hostSubject ?? undefined;
  }

  samplesOf(subject: Subject): ComparedSamples {
    return subject.isHost ? this.hostSamples : this.samples;
  }

  of(container: ContainerView): Subject {
    const { name, description } = container;
    return name === '/' ? this.host! : new Subject(name, description, container, this);
  }

  eventsOf(name: string): readonly ContainerEvent[] {
    this.events ??= this.recentEvents();
    return this.events.get(name) ?? NO_EVENTS;
  }

  /** Whether a container had an event in the last hour besides its creation. */
  hadIncident(name: string): boolean {
    this.eventful ??= new Set(this.query(INCIDENTS).map(({ containerName }) => containerName));
    return this.eventful.has(name);
  }

  /** Those of these rules whose condition the machine meets. */
  metByHost(rules: readonly Rule[]): readonly Rule[] {
    let met = this.rulesMet.get(rules);
    if (met === undefined) {
      met = rules.filter((rule) => this.maybeMet(rule));
      this.rulesMet.set(rules, met);
    }
    return met;
  }

  /** A condition that throws is met here, so that the failure becomes one of its rule. */
  private maybeMet({ precondition }: Rule): boolean {
    try {
      return this.hostMeets(precondition!.host!);
    } catch {
      return true;
    }
  }

  hostMeets(condition: (host: RuleSubject) => boolean): boolean {
    let known = this.hostConditions.get(condition);
    if (known === undefined) {
      known = this.host !== undefined && condition(this.host);
      this.hostConditions.set(condition, known);
    }
    return known;
  }

  private query(types: ReadonlySet<EventType>): readonly ContainerEvent[] {
    const start = this.now - EVENTS_SPAN_US;
    return this.agent.events.query({ containerName: '/', below: true, types, start, max: -1 });
  }

  private recentEvents(): Map<string, ContainerEvent[]> {
    const events = new Map<string, ContainerEvent[]>();
    for (const event of this.query(new Set(EVENT_TYPES))) {
      const known = events.get(event.containerName);
      if (known === undefined) events.set(event.containerName, [event]);
      else known.push(event);
    }
    return events;
  }
}

/** A container as rules see it, valid until control returns to the event loop. */
export class Subject implements RuleSubject {
  readonly isHost: boolean;
  private readonly samples: ComparedSamples;

  constructor(
    readonly name: string,
    readonly description: ContainerDescription,
    readonly container: ContainerView | undefined,
    private readonly question: Question,
  ) {
    this.isHost = name === '/';
    this.samples = question.samplesOf(this);
  }

  get agent(): AgentView {
    return this.question.agent;
  }

  get now(): number {
    return this.question.now;
  }

  get all(): readonly Subject[] {
    return this.question.all;
  }

  get host(): Subject | undefined {
    return this.question.host;
  }

  get events(): readonly ContainerEvent[] {
    return this.question.eventsOf(this.name);
  }

  get newest(): SampleCursor {
    return this.samples.newestOf(this.container);
  }

  private get reference(): SampleCursor {
    return this.samples.referenceOf(this.container);
  }

  private get alike(): SampleCursor {
    return this.samples.alikeOf(this.container);
  }

  get latestTime(): number {
    return this.newest.time;
  }

  get layout(): Layout {
    return this.newest.layout;
  }

  /** See `RulePrecondition.incident`. */
  get hadIncident(): boolean {
    return !isPlainlyRunning(this.description) || this.question.hadIncident(this.name);
  }

  metByHost(rules: readonly Rule[]): readonly Rule[] {
    return this.question.metByHost(rules);
  }

  /** Whether the preconditions of a rule hold, its columns left out. */
  meets({ precondition }: Rule): boolean {
    if (precondition === undefined || this.container === undefined) return true;
    const { host, incident } = precondition;
    return (host === undefined || this.question.hostMeets(host)) && (incident !== true || this.hadIncident);
  }

  latest(field: string): number {
    const { newest } = this;
    const index = newest.layout.indexOf(field);
    return index < 0 ? Number.NaN : valueAt(newest, index);
  }

  latestOf(field: string): readonly LabelledValue[] {
    return valuesOf(this.newest, field);
  }

  increase(field: string): Increase | undefined {
    const { newest, reference } = this;
    const column = newest.layout.indexOf(field);
    if (column < 0) return undefined;
    const before = reference.layout === newest.layout ? column : reference.layout.indexOf(field);
    return before < 0 ? difference(this.alike, column, newest, column) : difference(reference, before, newest, column);
  }

  increasesOf(field: string): readonly (Increase & { readonly labels: readonly string[] })[] {
    const { newest, reference: from } = this;
    const { layout } = newest;
    const indexes = layout.indexesOf(field);
    if (indexes.length === 0) return [];
    const before =
      from.layout === layout
        ? undefined
        : new Map(from.layout.indexesOf(field).map((index) => [keyOf(from.layout, index), index]));
    const increases: (Increase & { readonly labels: readonly string[] })[] = [];
    for (const index of indexes) {
      const old = before === undefined ? index : before.get(keyOf(layout, index));
      const increase =
        old === undefined ? difference(this.alike, index, newest, index) : difference(from, old, newest, index);
      if (increase !== undefined) increases.push({ ...increase, labels: labelsAt(layout, index) });
    }
    return increases;
  }

  oldestOf(field: string): readonly (LabelledValue & { readonly time: number })[] {
    const cursor = emptyCursor();
    const window = this.container?.samples();
    const oldest = new Map<string, LabelledValue & { readonly time: number }>();
    let layout: Layout | undefined;
    // Columns may appear later, as those of a filesystem that is mounted: each has an oldest sample of its own.
    for (let i = 0; window !== undefined && i < window.length - 1; i++) {
      window.at(i, cursor);
      const { time } = cursor;
      if (cursor.layout === layout) continue;
      const values = valuesOf(cursor, field);
      // A value that is absent may be there in the next sample with the same columns.
      if (values.length === cursor.layout.indexesOf(field).length) layout = cursor.layout;
      for (const value of values) {
        const key = value.labels.join('\0');
        if (!oldest.has(key)) oldest.set(key, { ...value, time });
      }
    }
    return [...oldest.values()];
  }
}

/** Whether the runtime says nothing but that it runs. */
function isPlainlyRunning({ state: { status, oomKilled, health } }: ContainerDescription): boolean {
  return (
    (status === 'running' || status === 'created' || status === 'paused') &&
    oomKilled !== true &&
    (health === undefined || health.status === 'healthy')
  );
}

function emptyCursor(): SampleCursor {
  return { layout: NO_LAYOUT, time: 0, values: new Float64Array(0), residuals: undefined, base: 0 };
}

function valueAt({ values, base }: SampleCursor, index: number): number {
  return values[base + index]!;
}

function labelsAt({ columns }: Layout, index: number): readonly string[] {
  return columns[index]!.labels ?? [];
}

function keyOf(layout: Layout, index: number): string {
  return labelsAt(layout, index).join('\0');
}

function valuesOf(cursor: SampleCursor, field: string): LabelledValue[] {
  const values: LabelledValue[] = [];
  for (const index of cursor.layout.indexesOf(field)) {
    const value = valueAt(cursor, index);
    if (!Number.isNaN(value)) values.push({ labels: labelsAt(cursor.layout, index), value });
  }
  return values;
}

function difference(from: SampleCursor, before: number, to: SampleCursor, column: number): Increase | undefined {
  const by = valueAt(to, column) - valueAt(from, before);
  const elapsed = to.time - from.time;
  if (!(by >= 0) || elapsed < MIN_SPAN_US) return undefined;
  return { by, seconds: elapsed / 1e6, start: from.time, end: to.time };
}
