import type { SinkStatus } from './sink-status.js';

/** All kinds. */
export const PLUGIN_KINDS = [
  'container-handler',
  'metric-source',
  'app-metrics',
  'api-version',
  'endpoint',
  'sink',
] as const;

export type PluginKind = (typeof PLUGIN_KINDS)[number];

/** What happens when a plugin cannot start. */
export type OnError =
  /** The agent does not start. */
  | 'fail'
  /** The agent goes on without it, and says so once. */
  | 'ignore'
  /** The agent goes on and tries again with growing pauses, for ever. */
  | 'retry'
  /** Like `ignore`, and without a warning: for plugins that only fit some hosts. */
  | 'probe';

/** A plugin as the API and `/metrics` report it. */
export interface PluginStatus {
  readonly id: string;
  /** Absent when the plugin could not be loaded. */
  readonly kind?: PluginKind | undefined;
  readonly name: string;
  readonly version: string;
  /** The module it was loaded from: a built-in's name, a package or a path. */
  readonly source: string;
  readonly state: 'loading' | 'starting' | 'running' | 'open' | 'failed' | 'retrying' | 'stopped';
  /** True while it runs and its circuit breaker is closed. */
  readonly up: boolean;
  /** Faults since the start of the agent. */
  readonly errors: number;
  readonly lastError?: string;
  /** µs since the epoch; absent before the first. */
  readonly lastErrorAt?: number;
  readonly lastSuccessAt?: number;
  /** Calls and the time spent in them, milliseconds in all (sampled calls are estimated). */
  readonly calls: number;
  readonly busyMs: number;
  /**
   * Calls that blocked the agent for half a second or more; absent while there were none.
   */
  readonly blocked?: {
    readonly count: number;
    /** Milliseconds in all of them, and in the longest. */
    readonly totalMs: number;
    readonly longestMs: number;
    /** What the last one was (`sample`, `timer`, `GET /x`), when it ended (µs since the epoch) and how long it took. */
    readonly last: { readonly what: string; readonly at: number; readonly ms: number };
  };
  /** How the deliveries of a sink go. */
  readonly sink?: SinkStatus;
  /** Its process, when it runs in one of its own (`isolate: true`). */
  readonly isolation?: {
    /** Absent while it is being started again. */
    readonly pid?: number;
    /** How often it had to be started again. */
    readonly restarts: number;
    /** Bytes of memory that it shares with no other process. */
    readonly memoryBytes: number;
  };
}

/** Something about the host or the agent that takes numbers away, and how to mend it. */
export interface Finding {
  /** The same thing has the same id on every host: `memory-controller`, `docker-denied`. */
  readonly id: string;
  /**
   * `error`: numbers are missing that people expect; `warning`: something costs or will fail; `info`: worth knowing, and
   * fine on many hosts.
   */
  readonly severity: 'error' | 'warning' | 'info';
  /** What is the case, in one sentence. */
  readonly what: string;
  /** What is lost by it. */
  readonly effect: string;
  /** The exact line that mends it. */
  readonly mend: string;
}
