/** The type of an event, as in the REST API. */
export type EventType =
  /** A container was found, also at start-up. */
  | 'containerCreation'
  /** A tracked container is gone. */
  | 'containerDeletion'
  /** A container ran out of memory; attributed to the container of the killed process. */
  | 'oom'
  /** The kernel killed a process because of it; attributed to the container whose limit was hit. */
  | 'oomKill';

export const EVENT_TYPES: readonly EventType[] = ['oom', 'oomKill', 'containerCreation', 'containerDeletion'];

/** The process that the kernel killed for lack of memory. */
export interface OomVictim {
  readonly pid: number;
  readonly processName: string;
  /** Which limit was hit (`CONSTRAINT_MEMCG`, `CONSTRAINT_NONE`); absent on kernels before 5.0. */
  readonly constraint?: string;
  /** The memory limit that was hit, bytes; absent when it is not known, or the machine’s memory was used up. */
  readonly limit?: number;
}

export interface ContainerEvent {
  /** Absolute container name. */
  readonly containerName: string;
  /** µs since the epoch. */
  readonly time: number;
  /** Nanoseconds beyond `time`, 0 … 999; absent: 0. */
  readonly timeExtraNs?: number;
  readonly type: EventType;
  /** Of an `oom` and its `oomKill` alike. Absent where only counters tell of the kill. */
  readonly oom?: OomVictim;
  /** Exit code of a deleted container's first process; −1 unknown. Only for `containerDeletion`. */
  readonly exitCode?: number;
}

/** Selects events. */
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

/** The events of this host, retained by age and count. */
export interface EventLog {
  /** Oldest first. */
  query(query: EventQuery): readonly ContainerEvent[];
  /** Calls `listener` for each new matching event; it must not block or throw. @returns ends the subscription */
  subscribe(filter: EventFilter, listener: (event: ContainerEvent) => void): () => void;
}
