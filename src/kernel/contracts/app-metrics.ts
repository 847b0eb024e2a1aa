import type { Duplex } from 'node:stream';
import type { ContainerDescription } from './container.js';
import { TallymanError } from './errors.js';

/**
 * A metric as the container's spec lists it. For a family that has several series names (a histogram's `x_bucket`,
 * `x_sum`, `x_count`) this is the family, `x`.
 */
export interface AppMetricSpec {
  readonly name: string;
  /** `gauge`, `cumulative` (only grows), `delta`, or a Prometheus type in capitals: `HISTOGRAM`, `SUMMARY`, … */
  readonly type: string;
  /** Whether its values are exact signed 64-bit integers or doubles. */
  readonly format: 'int' | 'float';
  /** Unit as text, `''` when unknown. */
  readonly units: string;
  /** Description by the application. */
  readonly help?: string;
}

/** One value. Samples of the same name and labels are one series. */
export interface AppMetricSample {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** A bigint is kept as an exact signed 64-bit integer, a number as a double (NaN and infinities too). */
  readonly value: bigint | number;
  /** The application's own time of the value, µs since the epoch; absent: the time of the collection. */
  readonly time?: number;
}

/** The result of one collection. */
export interface CollectedMetrics {
  /** All metrics of the target, also those without a current value. */
  readonly specs: readonly AppMetricSpec[];
  readonly samples: readonly AppMetricSample[];
  /**
   * What could not be given, and why: each text is shown to the user, logged once, and costs nothing but itself. At most
   * the first 20 are kept.
   */
  readonly problems?: readonly string[];
  /** Samples that the collector dropped because of `CollectionAccess.limits`. */
  readonly dropped?: number;
}

/** A container whose own metrics may be collected. */
export interface AppContainer {
  /** Absolute container name. */
  readonly name: string;
  readonly description: ContainerDescription;
  /** All its labels, also unpublished ones. They are set by whoever starts the container, and are not trusted. */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * One thing to collect from one container. Plain data made by `AppMetrics.targets`; each `collect` of it gets the same
 * object until the container's description changes in a way that makes `targets` answer differently.
 */
export interface AppTarget {
  /** Identifies the target within its container and plugin; shown to users: `myapp`. */
  readonly name: string;
  /** Interval of collections in ms, at least 1,000. */
  readonly interval: number;
  /** Time limit of a collection in ms. Default and maximum: 5,000, or nine tenths of `interval` if that is less. */
  readonly timeLimit?: number;
  /**
   * Hosts, by name or address, that may be asked besides the container itself. Only for what the administrator wrote
   * into the agent's config, never for anything that came from a label or from inside a container.
   */
  readonly trustedHosts?: readonly string[];
}

/** A port or unix socket inside a container. */
export interface AppEndpoint {
  /**
   * Absent, `localhost` or a loopback address: the container's own address. Any other host is refused unless it is one
   * of the container's addresses or of the target's `trustedHosts`.
   */
  readonly host?: string;
  readonly port?: number;
  /** Path of a unix socket inside the container, instead of host and port. */
  readonly socket?: string;
}

/** Verification and client authentication of TLS. Texts are PEM. */
export interface AppTls {
  /** Whether the certificate must be valid. Default: true if `ca` is given. */
  readonly verify?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Expected name in the certificate, for servers that are addressed by IP. */
  readonly serverName?: string;
}

/** A GET request to the container. */
export interface AppRequest extends AppEndpoint {
  /** Default `http`. */
  readonly scheme?: 'http' | 'https';
  /** Path and query; default `/`. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: AppTls;
}

export interface AppAnswer {
  /** 200 to 299; other statuses, also redirects, are thrown. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Decompressed. */
  readonly body: Buffer;
}

/** Services for one collection, closed at its end. */
export interface CollectionAccess {
  readonly container: AppContainer;
  /** Aborted when the time limit passes, or the container or the plugin ends. */
  readonly signal: AbortSignal;
  /** Start of the collection, µs since the epoch. */
  readonly now: number;
  /** Maximum kept per container. A collector may stop there and count the rest in `dropped`. */
  readonly limits: { readonly metrics: number; readonly series: number };
  /**
   * Asks the container over HTTP.
   * @throws CollectionError when the host is not the container's, the answer is not 2xx, too large, or does not come
   */
  fetch(request: AppRequest): Promise<AppAnswer>;
  /**
   * Opens a byte stream to the container, for protocols other than HTTP. When it fails later, its error is a
   * CollectionError too. @throws CollectionError
   */
  connect(endpoint: AppEndpoint): Promise<Duplex>;
  /**
   * Reads a regular file inside the container's root directory, of 1 MiB at most; links lead nowhere outside of it.
   * @throws CollectionError
   */
  readFile(path: string): Promise<Buffer>;
}

/** What `create` of an `app-metrics` plugin returns. */
export interface AppMetrics<T extends AppTarget = AppTarget> {
  /**
   * What to collect from a container: asked when it appears and when its description changes. Must not block and needs
   * no I/O; whatever must be read first is read in the first `collect`.
   */
  targets(container: AppContainer): readonly T[];
  /**
   * Collects once. Never called again for a target before it settled.
   * @throws CollectionError when the target is at fault: only that target counts as failing. Anything else that is
   *   thrown is a fault of the plugin.
   */
  collect(target: T, access: CollectionAccess): Promise<CollectedMetrics>;
  /** The interval in ms, if it is known only after a collection; called after each one. */
  intervalOf?(target: T): number;
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

/** A target could not be collected from: it is unreachable, its answer is invalid, or its description is wrong. */
export class CollectionError extends TallymanError {
  override readonly name = 'CollectionError';
}

/** Whether an error is a `CollectionError`; by name, so that it also works for another copy of this package. */
export function isCollectionError(error: unknown): error is CollectionError {
  return error instanceof Error && error.name === 'CollectionError';
}

/** A series. The same object as long as the target returns the same series in the same order. */
export interface AppSeries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /**
   * The labels as one text: `key=value` pairs with the name as `__name__`, sorted, joined by U+FFFD; `''` for a series
   * of a collector that knows no labels.
   */
  readonly label: string;
  readonly format: 'int' | 'float';
}

/** The values of one collection. Immutable. */
export interface AppMetricsSnapshot {
  /** Time of the collection, µs since the epoch. */
  readonly time: number;
  /** Sorted by name; within a name in the target's order. Consecutive snapshots share the list while it is the same. */
  readonly series: readonly AppSeries[];
  /** `values[i]` belongs to `series[i]`; NaN and infinities are values. */
  readonly values: Float64Array;
  /** Exact integers above 2^53 are `values[i] + residuals[i]`; absent: all residuals are 0. */
  readonly residuals?: Int16Array;
  /** The values' own times, µs since the epoch, when there are any; NaN: the time of the collection. */
  readonly times?: Float64Array;
}

/** State of the collection from one target. */
export interface AppTargetStatus {
  /** Id of the plugin. */
  readonly plugin: string;
  readonly name: string;
  /** ms */
  readonly interval: number;
  readonly up: boolean;
  readonly collections: number;
  readonly failures: number;
  /** Collections skipped because the previous one was still running. */
  readonly missed: number;
  /** Why the last collection failed. */
  readonly error?: string;
  /** Problems of the last collection. */
  readonly problems: readonly string[];
  /** Samples of the last collection dropped because of the limits. */
  readonly dropped: number;
  /** µs since the epoch; absent before the first. */
  readonly lastSuccessAt?: number;
  /** Duration of the last collection, ms. */
  readonly duration: number;
}

/** The application metrics of a container, from all collectors. */
export interface ContainerAppMetrics {
  /** Metrics of all targets; the first one of each name. Empty before the first collection. */
  readonly specs: readonly AppMetricSpec[];
  /** The values at a time (µs since the epoch): the last successful snapshot of each target. */
  at(time: number): readonly AppMetricsSnapshot[];
  /** All snapshots of each target, oldest first. */
  history(): readonly (readonly AppMetricsSnapshot[])[];
  readonly targets: readonly AppTargetStatus[];
}
