import type { ContainerView, SampleCursor } from './agent-view.js';
import type { ByteWriter } from './bytes/index.js';
import type { ContainerDescription } from './container.js';
import { TallymanError } from './errors.js';
import type { FactSeries, Label, Naming, PlannedSeries } from './export/index.js';
import type { SinkOptions } from './sink-options.js';

/**
 * What `create` of a `sink` plugin returns: an encoder and a transport. The kernel does the rest, the same for every
 * sink: it takes what is new of the selected containers every `interval`, has it encoded into batches, keeps them in a
 * queue in memory or on disk, sends them in order, tries again with growing pauses, counts what came of them, and hands
 * over what is left when the agent stops.
 */
export interface Sink {
  /** How samples are selected, named, batched, kept and retried: what `sinkOptions` made of the user's options. */
  readonly options: SinkOptions;
  /**
   * Names the form of bodies (`ndjson`, `remote-write-1.0`). Batches that waited over a restart or a change of the options are only
   * sent by a sink with the same format.
   */
  readonly format: string;
  /** How metrics are called. Absent: as cAdvisor calls them (`cadvisorNaming`). */
  readonly naming?: Naming;
  /** Whether it has a form for containers only, whatever the option `content` says. */
  readonly containersOnly?: boolean;

  /** Writes what a body begins with. Several bodies may be under construction at once, each in its own `out`. */
  begin?(out: ByteWriter): void;
  /**
   * Adds one sample of one container to the body. Called very often: it should make no objects, and must not keep
   * `sample`, which is used again. What it throws is a fault of the sink; the container is left out then.
   * @returns data points added; 0: nothing was written
   */
  encode(sample: ExportSample, out: ByteWriter): number;
  /**
   * A container has ended, or is no longer selected: adds what says so to the body, if the protocol has something.
   * @param time µs since the epoch
   * @returns data points added
   */
  encodeEnd?(container: ExportContainer, time: number, out: ByteWriter): number;
  /**
   * What `endMissing` must know of these containers after a restart of the agent. It is kept beside the queue on disk, if there is one.
   */
  state?(containers: readonly ExportContainer[]): string;
  /**
   * Adds that containers have ended while the agent did not run.
   * @param state what `state` gave before the restart
   * @param isThere whether a container with these labels is there now
   * @returns data points added
   */
  endMissing?(state: string, isThere: (labels: readonly Label[]) => boolean, time: number, out: ByteWriter): number;
  /** Writes what a body ends with. */
  finish?(out: ByteWriter): void;
  /** Makes of a finished body what waits and is sent, compressed for example. `body` is used again after it has settled. */
  readonly pack?: ((body: Buffer) => Uint8Array | Promise<Uint8Array>) | undefined;

  /**
   * Sends a batch, and settles when the receiver has taken it. Batches that may not overtake each other are sent one
   * after the other.
   * @param signal aborted when the plugin stops, or the time for the last batches is over: end soon then, by throwing
   * @throws DeliveryError saying whether it may be tried again; anything else that is thrown counts as a failure that may pass
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a sink that has nothing to say returns nothing.
  send(batch: SinkBatch, signal: AbortSignal): Promise<SendResult | void>;

  /** Called once before the first batch, awaited within the plugin's start time limit. */
  start?(): Promise<void> | void;
  /** Called once, after the last batch. */
  stop?(): Promise<void> | void;
}

/**
 * What a sample is about: a container, the applications in one, the machine or the agent. The same object from sample to sample,
 * until it ends.
 */
export interface ExportContainer {
  readonly kind: 'container' | 'application' | 'machine' | 'agent';
  /** Of the container; empty for the machine and the agent. */
  readonly name: string;
  /** Of the container; of the root container for the machine and the agent. */
  readonly view: ContainerView;
  readonly description: ContainerDescription;
  /**
   * Labels of all of its series, sorted by name: `id`, `image`, `name`, its own labels as the options select and rename
   * them, `host`, `cluster` and the external labels. Another array when anything of it changes, so that what is made of it can be kept.
   */
  readonly labels: readonly Label[];
}

/** One sample of one container, to be encoded. Reused: valid during the call. */
export interface ExportSample {
  readonly container: ExportContainer;
  /** Time of the sample, µs since the epoch. */
  readonly time: number;
  /**
   * The series of the sample, ordered by family. The same array for all samples with the same columns, so that what is
   * prepared for it can be kept in a `WeakMap`.
   */
  readonly series: readonly PlannedSeries[];
  /** Series that only change with the container's description or limits (`container_spec_memory_limit_bytes`). */
  readonly facts: readonly FactSeries[];
  /** The columns, for sinks that want the fields themselves; resolved as the option `resolution` says. Only containers have fields. */
  readonly cursor: SampleCursor;
  /** The value of `series[i]`; NaN: it has none right now. */
  value(index: number): number;
}

/** What is sent at a time. */
export interface SinkBatch {
  readonly body: Uint8Array;
  /** Data points in it. */
  readonly points: number;
  /** Times of the oldest and the newest sample in it, µs since the epoch. */
  readonly oldest: number;
  readonly newest: number;
  /** How often it was tried before. After a restart: 0. */
  readonly attempts: number;
}

/** What a receiver says of a batch that it took. */
export interface SendResult {
  /** Data points that it left out; they count as dropped. */
  readonly rejected?: number;
  /** Its words about them, logged once per change. */
  readonly message?: string;
}

/** Why a batch was not delivered. */
export class DeliveryError extends TallymanError {
  /** Whether the same batch may be taken later. If not it is dropped. */
  readonly isPermanent: boolean;
  /** ms that the receiver asks to wait before anything is sent again. */
  readonly retryAfterMs: number;

  constructor(
    message: string,
    options: { permanent?: boolean; retryAfterMs?: number; hint?: string; cause?: unknown } = {},
  ) {
    super(message, options);
    this.isPermanent = options.permanent ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}
