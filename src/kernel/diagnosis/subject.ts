import {
  type AgentView,
  type ContainerDescription,
  type ContainerEvent,
  type ContainerView,
  EVENT_TYPES,
  type Increase,
  type LabelledValue,
  type Layout,
  type RuleSubject,
  type SampleCursor,
  type SampleWindow,
} from '../contracts/index.js';

/** How far back a counter is compared, µs. */
const SPAN_US = 60_000_000;
const MIN_SPAN_US = 1_000_000;
/** How far back events are looked at, µs. */
const EVENTS_SPAN_US = 3_600_000_000;
const NO_EVENTS: readonly ContainerEvent[] = [];
const NO_LAYOUT: Layout = { columns: [], indexOf: () => -1, indexesOf: () => [] };

/** What all subjects of one question share. Nothing is looked up before a rule asks for it. */
export class Question {
  private readonly subjects = new Map<ContainerView, Subject>();
  private allSubjects: readonly Subject[] | undefined;
  private events: Map<string, ContainerEvent[]> | undefined;

  /** @param now µs since the epoch */
  constructor(
    readonly agent: AgentView,
    readonly now: number,
  ) {}

  get all(): readonly Subject[] {
    this.allSubjects ??= this.agent.containers().map((container) => this.subjectOf(container));
    return this.allSubjects;
  }

  get host(): Subject | undefined {
    const [first] = this.agent.containers();
    return first?.name === '/' ? this.subjectOf(first) : undefined;
  }

  subjectOf(container: ContainerView): Subject {
    let subject = this.subjects.get(container);
    if (subject === undefined) {
      subject = new Subject(container.name, container.description, container, this);
      this.subjects.set(container, subject);
    }
    return subject;
  }

  eventsOf(name: string): readonly ContainerEvent[] {
    this.events ??= this.recentEvents();
    return this.events.get(name) ?? NO_EVENTS;
  }

  private recentEvents(): Map<string, ContainerEvent[]> {
    const start = this.now - EVENTS_SPAN_US;
    const query = { containerName: '/', below: true, types: new Set(EVENT_TYPES), start, max: -1 };
    const events = new Map<string, ContainerEvent[]>();
    for (const event of this.agent.events.query(query)) {
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
  private readonly window: SampleWindow | undefined;
  private readonly newest: SampleCursor = emptyCursor();
  private reference: SampleCursor | undefined;

  constructor(
    readonly name: string,
    readonly description: ContainerDescription,
    readonly container: ContainerView | undefined,
    private readonly question: Question,
  ) {
    this.isHost = name === '/';
    this.window = container?.samples();
    if (this.window !== undefined && this.window.length > 0) this.window.at(this.window.length - 1, this.newest);
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

  get latestTime(): number {
    return this.newest.time;
  }

  get layout(): Layout {
    return this.newest.layout;
  }

  latest(field: string): number {
    const index = this.newest.layout.indexOf(field);
    return index < 0 ? Number.NaN : valueAt(this.newest, index);
  }

  latestOf(field: string): readonly LabelledValue[] {
    return valuesOf(this.newest, field);
  }

  increase(field: string): Increase | undefined {
    const from = this.referenceSample();
    const column = this.newest.layout.indexOf(field);
    const before = from.layout === this.newest.layout ? column : from.layout.indexOf(field);
    return column < 0 || before < 0 ? undefined : difference(from, before, this.newest, column);
  }

  increasesOf(field: string): readonly (Increase & { readonly labels: readonly string[] })[] {
    const from = this.referenceSample();
    const { layout } = this.newest;
    const indexes = layout.indexesOf(field);
    if (indexes.length === 0) return [];
    const before =
      from.layout === layout
        ? undefined
        : new Map(from.layout.indexesOf(field).map((index) => [keyOf(from.layout, index), index]));
    const increases: (Increase & { readonly labels: readonly string[] })[] = [];
    for (const index of indexes) {
      const old = before === undefined ? index : before.get(keyOf(layout, index));
      const increase = old === undefined ? undefined : difference(from, old, this.newest, index);
      if (increase !== undefined) increases.push({ ...increase, labels: labelsAt(layout, index) });
    }
    return increases;
  }

  oldestOf(field: string): readonly (LabelledValue & { readonly time: number })[] {
    const cursor = emptyCursor();
    for (let i = 0; i < (this.window?.length ?? 0) - 1; i++) {
      this.window!.at(i, cursor);
      const values = valuesOf(cursor, field);
      if (values.length > 0) return values.map((value) => ({ ...value, time: cursor.time }));
    }
    return [];
  }

  /** The newest sample that is at least a minute older than the newest one, else the oldest. */
  private referenceSample(): SampleCursor {
    if (this.reference !== undefined) return this.reference;
    this.reference = emptyCursor();
    if (this.window === undefined || this.window.length === 0) return this.reference;
    const horizon = this.newest.time - SPAN_US;
    let low = 0;
    let high = this.window.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.window.at(middle, this.reference).time <= horizon) low = middle;
      else high = middle - 1;
    }
    return this.window.at(low, this.reference);
  }
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
