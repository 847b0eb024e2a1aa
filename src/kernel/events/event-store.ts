import {
  type ContainerEvent,
  EVENT_TYPES,
  type EventFilter,
  type EventLog,
  type EventQuery,
  type EventType,
} from '../contracts/index.js';

/** How much of one type of event is kept. */
export interface Retention {
  /** ms, relative to the newest event of the type; −1: for ever */
  readonly age: number;
  /** −1: unlimited, 0: none (streams still get them) */
  readonly count: number;
}

interface Subscription {
  readonly filter: EventFilter;
  readonly listener: (event: ContainerEvent) => void;
}

function fits(event: ContainerEvent, { containerName, below, types }: EventFilter): boolean {
  if (!types.has(event.type)) return false;
  if (event.containerName === containerName) return true;
  return below && (containerName === '/' || event.containerName.startsWith(`${containerName}/`));
}

/** Index of the first event later than `time`. */
function after(events: readonly ContainerEvent[], time: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle]!.time <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function prune(list: ContainerEvent[], { count, age }: Retention, newest: number): void {
  let surplus = count < 0 ? 0 : list.length - count;
  if (age >= 0) surplus = Math.max(surplus, after(list, newest - age * 1000 - 1));
  if (surplus > 0) list.splice(0, surplus);
}

/** Keeps the events of each type in order of time and tells subscribers of new ones. */
export class EventStore implements EventLog {
  private readonly events: Record<EventType, ContainerEvent[]>;
  private readonly subscriptions = new Set<Subscription>();

  constructor(private readonly retentionOf: (type: EventType) => Retention) {
    this.events = { oom: [], oomKill: [], containerCreation: [], containerDeletion: [] };
  }

  /** Stores an event; its time may lie before that of others (a container found late was created earlier). */
  add(event: ContainerEvent): void {
    for (const { filter, listener } of this.subscriptions) if (fits(event, filter)) listener(event);
    const retention = this.retentionOf(event.type);
    if (retention.count === 0) return;
    const list = this.events[event.type];
    list.splice(after(list, event.time), 0, event);
    prune(list, retention, event.time);
  }

  /** Forgets what is not to be kept any more after a change of the retention. */
  prune(): void {
    for (const type of EVENT_TYPES) {
      const list = this.events[type];
      prune(list, this.retentionOf(type), list.at(-1)?.time ?? 0);
    }
  }

  query(query: EventQuery): readonly ContainerEvent[] {
    const { start = Number.NEGATIVE_INFINITY, end = Number.POSITIVE_INFINITY, max } = query;
    const found: ContainerEvent[] = [];
    for (const type of EVENT_TYPES) {
      if (!query.types.has(type)) continue;
      const list = this.events[type];
      for (let i = after(list, start - 1); i < list.length && list[i]!.time <= end; i++) {
        if (fits(list[i]!, query)) found.push(list[i]!);
      }
    }
    found.sort((a, b) => a.time - b.time);
    if (max < 0) return found;
    return max === 0 ? [] : found.slice(-max);
  }

  subscribe(filter: EventFilter, listener: (event: ContainerEvent) => void): () => void {
    const subscription = { filter, listener };
    this.subscriptions.add(subscription);
    return () => void this.subscriptions.delete(subscription);
  }
}
