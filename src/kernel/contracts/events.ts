/** What happened. The words are those of the REST API. */
export type EventType =
  /** A container is tracked from now on; also for everything found at start-up. */
  | 'containerCreation'
  /** A tracked container is gone. */
  | 'containerDeletion'
  /** The kernel ran out of a container's memory; named by the killed process's container. */
  | 'oom'
  /** The kernel killed a process for it; named by the container whose limit was hit. */
  | 'oomKill';

export const EVENT_TYPES: readonly EventType[] = ['oom', 'oomKill', 'containerCreation', 'containerDeletion'];

/** The process that an `oomKill` is about. */
export interface OomVictim {
  readonly pid: number;
  readonly processName: string;
  /** Which limit was hit (`CONSTRAINT_MEMCG`, `CONSTRAINT_NONE`); absent on kernels before 5.0. */
  readonly constraint?: string;
}

export interface ContainerEvent {
  /** Absolute container name. */
  readonly containerName: string;
  /** µs since the epoch. */
  readonly time: number;
  /** Nanoseconds beyond `time`, 0 … 999; absent: 0. */
  readonly timeExtraNs?: number;
  readonly type: EventType;
  readonly oom?: OomVictim;
  /** Exit code of a deleted container's first process; −1 unknown. Only for `containerDeletion`. */
  readonly exitCode?: number;
}

/** Which events are wanted. */
export interface EventFilter {
  readonly containerName: string;
  /** Also those of every container below it. */
  readonly below: boolean;
  readonly types: ReadonlySet<EventType>;
}

export interface EventQuery extends EventFilter {
  /** Inclusive bounds, µs since the epoch. */
  readonly start?: number;
  readonly end?: number;
  /** The newest N of the selected ones; −1: all. */
  readonly max: number;
}

/** The events of this host, kept by age and count. */
export interface EventLog {
  /** Oldest first. */
  query(query: EventQuery): readonly ContainerEvent[];
  /** Calls back for each new event that fits, as it happens; the callback must not block or throw. @returns ends it */
  subscribe(filter: EventFilter, listener: (event: ContainerEvent) => void): () => void;
}
