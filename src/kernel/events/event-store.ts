import { Token } from '../composition/index.js';
import {
  type ContainerEvent,
  EVENT_TYPES,
  type EventFilter,
  type EventLog,
  type EventQuery,
  type EventType,
} from '../contracts/index.js';

export const EVENTS = new Token<EventStore>('events');

export interface Retention {
  /** ms, relative to the newest event of the type; −1: unlimited */
  readonly age: number;
  /** −1: unlimited, 0: none (streams still receive them) */
  readonly count: number;
}

interface Subscription {
  readonly filter: EventFilter;
  readonly listener: (event: ContainerEvent) => void;
}

function matches(event: ContainerEvent, { containerName, below, types }: EventFilter): boolean {
  if (!types.has(event.type)) return false;
  if (event.containerName === containerName) return true;
  return below && (containerName === '/' || event.containerName.startsWith(`${containerName}/`));
}

/** Events of one type by time. Removing the oldest is cheap: removed entries are compacted in batches. */
class EventList {
  private events: (ContainerEvent | undefined)[] = [];
  /** Index of the oldest event. */
  private first = 0;

  /** The time may be earlier than that of stored events: a container found late was created earlier. */
  add(event: ContainerEvent): void {
    const index = this.after(event.time);
    if (index === this.events.length) this.events.push(event);
    else this.events.splice(index, 0, event);
  }

  prune({ count, age }: Retention, newest: number): void {
    let kept = this.first;
    if (count >= 0) kept = Math.max(kept, this.events.length - count);
    if (age >= 0) kept = Math.max(kept, this.after(newest - age * 1000 - 1));
    this.events.fill(undefined, this.first, kept);
    this.first = kept;
    if (this.first <= this.events.length / 2) return;
    this.events = this.events.slice(this.first);
    this.first = 0;
  }

  get newest(): number {
    return this.events.at(-1)?.time ?? 0;
  }

  *between(start: number, end: number): Generator<ContainerEvent> {
    for (let i = this.after(start - 1); i < this.events.length && this.events[i]!.time <= end; i++)
      yield this.events[i]!;
  }

  /** Index of the first event later than `time`. */
  private after(time: number): number {
    let low = this.first;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.events[middle]!.time <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Delay of events that are expensive to create, unless events are requested earlier. */
const LATER_MS = 3000;
/** Delayed events created in one turn of the event loop. */
const LATER_AT_ONCE = 20;

/** Stores the events of each type by time and notifies subscribers of new ones. */
export class EventStore implements EventLog {
  private readonly events: Record<EventType, EventList>;
  private readonly subscriptions = new Set<Subscription>();
  private later: { readonly type: EventType; readonly make: () => ContainerEvent }[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly retentionOf: (type: EventType) => Retention) {
    const list = () => new EventList();
    this.events = { oom: list(), oomKill: list(), containerCreation: list(), containerDeletion: list() };
  }

  add(event: ContainerEvent): void {
    for (const { filter, listener } of this.subscriptions) if (matches(event, filter)) listener(event);
    const retention = this.retentionOf(event.type);
    if (retention.count === 0) return;
    const list = this.events[event.type];
    list.add(event);
    list.prune(retention, event.time);
  }

  /** Stores an event later, because creating it takes system calls: at a start with thousands of containers other work comes first. */
  addLater(type: EventType, make: () => ContainerEvent): void {
    if ([...this.subscriptions].some(({ filter }) => filter.types.has(type))) {
      this.add(make());
      return;
    }
    this.later.push({ type, make });
    this.timer ??= setTimeout(() => this.makeSome(), LATER_MS).unref();
  }

  /** Drops delayed events. */
  stop(): void {
    clearTimeout(this.timer);
    this.later = [];
  }

  private makeSome(): void {
    for (const { make } of this.later.splice(0, LATER_AT_ONCE)) this.add(make());
    this.timer = this.later.length === 0 ? undefined : setTimeout(() => this.makeSome(), 1).unref();
  }

  /** Creates those of the delayed events that have one of these types. */
  private makeAll(types: ReadonlySet<EventType>): void {
    const due = this.later.filter(({ type }) => types.has(type));
    if (due.length === 0) return;
    this.later = this.later.filter(({ type }) => !types.has(type));
    for (const { make } of due) this.add(make());
  }

  /** Removes events after a change of the retention. */
  prune(): void {
    for (const type of EVENT_TYPES) {
      const list = this.events[type];
      list.prune(this.retentionOf(type), list.newest);
    }
  }

  query(query: EventQuery): readonly ContainerEvent[] {
    const { start = Number.NEGATIVE_INFINITY, end = Number.POSITIVE_INFINITY, max } = query;
    const found: ContainerEvent[] = [];
    this.makeAll(query.types);
    for (const type of EVENT_TYPES) {
      if (!query.types.has(type)) continue;
      for (const event of this.events[type].between(start, end)) if (matches(event, query)) found.push(event);
    }
    found.sort((a, b) => a.time - b.time);
    if (max < 0) return found;
    return max === 0 ? [] : found.slice(-max);
  }

  subscribe(filter: EventFilter, listener: (event: ContainerEvent) => void): () => void {
    const subscription = { filter, listener };
    this.makeAll(filter.types);
    this.subscriptions.add(subscription);
    return () => void this.subscriptions.delete(subscription);
  }
}
