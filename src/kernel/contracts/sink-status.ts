/** Why data points were dropped. */
export type DropReason =
  /** The receiver refused them for good. */
  | 'refused'
  /** There was no room for them in the queue. */
  | 'queue_full'
  /** They were older than `retry.maxAge`. */
  | 'too_old'
  /** The agent stopped before they could be sent. */
  | 'stopped'
  /** The file they were kept in was damaged. */
  | 'damaged'
  /** They were kept in a form that the sink does not send any more. */
  | 'format';

/** How a sink's deliveries go. Counts are data points since the agent started. */
export interface SinkStatus {
  readonly queue: {
    readonly batches: number;
    readonly points: number;
    readonly bytes: number;
    readonly maxBytes: number;
    /** Time of the oldest sample that waits, µs since the epoch; absent while none waits. */
    readonly oldest?: number;
    /** Where they are kept; absent: in memory. */
    readonly directory?: string;
    /** Why they are kept in memory although there is a directory; absent while they are on disk. */
    readonly diskError?: string;
  };
  readonly sent: { readonly batches: number; readonly points: number; readonly bytes: number };
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Attempts that failed and were, or will be, repeated. */
  readonly retries: number;
  /** Attempts, however they ended, and the time they took in all. */
  readonly attempts: number;
  readonly attemptMs: number;
  /** Why the last attempt failed; absent after one that went well. */
  readonly failure?: string;
  /** µs since the epoch */
  readonly lastSentAt?: number;
  /** How often new samples are taken now, ms. */
  readonly intervalMs: number;
  /** `intervalMs` as a multiple of the option `interval`: more than 1 to keep within the agent's budget. */
  readonly stretch: number;
}
