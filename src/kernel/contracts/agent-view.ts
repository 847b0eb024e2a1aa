import type { ContainerAppMetrics } from './app-metrics.js';
import type { BudgetStatus } from './budget.js';
import type { CapsuleArchive } from './capsules.js';
import type { ContainerDescription, DepartedContainer, EngineReport, EngineUsage, RuntimeInfo } from './container.js';
import type { Diagnosis } from './diagnosis.js';
import type { EventLog } from './events.js';
import type { FieldDescriptor, Layout } from './fields.js';
import type { ServedOperation } from './http.js';
import type { LinuxHost } from './linux.js';
import type { SamplePart } from './metric-source.js';
import type { Finding, PluginStatus } from './plugin-status.js';

/** A limit, or `'unlimited'`; each API prints the latter in its own way. */
export type Limit = bigint | 'unlimited';

/** A container's limits from its cgroup files. Members without a file are absent. */
export interface ResourceLimits {
  readonly cgroupVersion: 1 | 2;
  readonly hasCpu: boolean;
  readonly cpu: {
    /** `cpu.shares`, or converted from `cpu.weight`. */
    readonly limit: bigint;
    /** Text of `cpuset.cpus`; absent without a cpuset directory. */
    readonly mask?: string;
    /** µs; absent when unlimited. `cpu.cfs_quota_us`, `cpu.max`. */
    readonly quota?: bigint;
    /** µs. `cpu.cfs_period_us`, `cpu.max`. */
    readonly period?: bigint;
  };
  readonly hasMemory: boolean;
  /** Bytes. On v1 `unlimited` is not used: the kernel's own number is given. */
  readonly memory: { readonly limit?: Limit; readonly reservation?: Limit; readonly swapLimit?: Limit };
  readonly hasProcesses: boolean;
  readonly processes: { readonly limit?: Limit };
  /** Creation time from the cgroup directories, µs since the epoch; 0 when unknown. */
  readonly createdAt: number;
  /** Nanoseconds beyond `createdAt`, 0 … 999. */
  readonly createdAtExtraNs: number;
}

/** Refers to a stored sample. Set by `SampleWindow.at`; use one cursor for a whole iteration. */
export interface SampleCursor {
  layout: Layout;
  /** Time of the sample, µs since the epoch. */
  time: number;
  /** Column i of the sample is `values[base + i]`; NaN when absent. */
  values: Float64Array;
  /** Exact integers above 2^53 are `values[base + i] + residuals[base + i]`; `undefined`: all residuals are 0. */
  residuals: Int16Array | undefined;
  base: number;
}

/** Selects samples of a container. */
export interface SampleQuery {
  /** The newest N of the selected ones; −1 or absent: all. */
  readonly count?: number;
  /** Inclusive bounds, µs since the epoch. */
  readonly start?: number;
  readonly end?: number;
}

/** Samples of one container, oldest first, valid until control returns to the event loop. */
export interface SampleWindow {
  readonly length: number;
  /** Points `cursor` at sample `index` (0 is the oldest) and returns it. */
  at(index: number, cursor: SampleCursor): SampleCursor;
}

/** Percentiles of one quantity. */
export interface Percentiles {
  readonly present: boolean;
  readonly mean: number;
  readonly std: number;
  readonly max: number;
  readonly fifty: number;
  readonly ninety: number;
  readonly ninetyfive: number;
  readonly count: number;
}

/** Usage over a minute, an hour or a day. */
export interface UsageSummary {
  readonly percentComplete: number;
  /** millicores */
  readonly cpu: Percentiles;
  /** bytes of working set */
  readonly memory: Percentiles;
}

/** Derived statistics of one container. */
export interface DerivedStats {
  /** µs since the epoch; 0 before the first sample. */
  readonly time: number;
  readonly latest: { readonly cpu: number; readonly memory: number };
  readonly minute: UsageSummary;
  readonly hour: UsageSummary;
  readonly day: UsageSummary;
}

/** Use of CPU and memory in each of the last minutes, oldest first. NaN: unknown. */
export interface UsageMinutes {
  /** End of each minute, µs since the epoch. Minutes are as long as their samples allow: a little above 60 s. */
  readonly times: readonly number[];
  /** millicores */
  readonly cpu: { readonly mean: readonly number[]; readonly max: readonly number[] };
  /** bytes of working set */
  readonly memory: { readonly mean: readonly number[]; readonly max: readonly number[] };
}

/** The read-only view of a container. */
export interface ContainerView {
  /** Absolute name: the cgroup path. */
  readonly name: string;
  readonly description: ContainerDescription;
  /** Creation time, µs since the epoch; 0 when unknown. */
  readonly createdAt: number;
  /** Nanoseconds beyond `createdAt`, 0 … 999. */
  readonly createdAtExtraNs: number;
  /** Whether a probe provides this part of a sample; `cpu`, `memory` and `processes` depend on the cgroup directories. */
  has(part: SamplePart): boolean;
  /** Limits read at most 5 s ago. */
  limits(): ResourceLimits;
  /** The current memory limit alone, at a fraction of the cost of `limits`; `undefined` without the file. */
  memoryLimit(): Limit | undefined;
  /** Names of the cgroups directly below, sorted. */
  children(): readonly string[];
  samples(query?: SampleQuery): SampleWindow;
  /** IDs of its processes, without those of containers below it; read at each call. */
  processIds(): readonly number[];
  /** Metrics of its application; `undefined` when none are collected. */
  readonly appMetrics?: ContainerAppMetrics | undefined;
  /** `undefined` when the container has neither CPU nor memory. */
  summary(): DerivedStats | undefined;
  /** The newest `count` minutes of the last day. */
  minutes(count: number): UsageMinutes;
  /** What is missing, and why: absent fields, unreadable files, an outdated description. */
  readonly missing: readonly { readonly what: string; readonly reason: string }[];
}

/** A cgroup whose handler does not know it yet. */
export interface PendingContainer {
  readonly name: string;
  readonly handler: string;
  readonly reason: string;
  /** µs since the epoch */
  readonly since: number;
}

/** Statistics of the agent itself, for `/metrics` and diagnosis. Counts are since its start. */
export interface AgentSelf {
  /** µs since the epoch */
  readonly startedAt: number;
  /**
   * Samples taken; those among them in which an idle container's files were left unread; and slots that passed without a
   * sample because the agent was late.
   */
  readonly samples: { readonly taken: number; readonly idle: number; readonly missed: number };
  /** Memory of the samples of all containers in bytes. */
  readonly historyBytes: number;
  /** Cgroup files kept open, their limit, and files beyond it, which are opened for each read. */
  readonly descriptors: { readonly kept: number; readonly limit: number; readonly reopened: number };
  /**
   * Lines of the log that could not be written (a full disk), lines left out because there were too many (`log.limit`), and
   * why nothing can be written; the last is absent while it can.
   */
  readonly log: { readonly lost: number; readonly leftOut: number; readonly failure?: string };
  /**
   * Since when the active configuration is active (µs since the epoch), and how reloads ended: a failed one leaves the
   * configuration from before active.
   */
  readonly configuration: {
    readonly activeSince: number;
    readonly reloads: { readonly succeeded: number; readonly failed: number };
    readonly lastReloadFailed: boolean;
  };
  /** State of the budget; absent in a replay. */
  readonly budget?: BudgetStatus;
}

/** A field, and the plugin that provides it. */
export interface ProvidedField extends FieldDescriptor {
  readonly plugin: string;
  /** Whether the plugin came with the agent. */
  readonly isBuiltin: boolean;
}

/** The read-only view of the agent for API versions, endpoints and sinks. */
export interface AgentView {
  /** Version of the agent, `0.1.0`. */
  readonly version: string;
  readonly host: LinuxHost;
  /** A container by its absolute name. */
  container(name: string): ContainerView | undefined;
  /** All containers, sorted by name. */
  containers(): readonly ContainerView[];
  /** The container and everything below it (`name + "/"`), sorted by name; empty when it is unknown. */
  containersBelow(name: string): readonly ContainerView[];
  /** All containers of a namespace (`docker`), sorted by name. */
  containersOf(namespace: string): readonly ContainerView[];
  /**
   * Looks up an alias: the container that has it, else one for each alias that begins so. Empty: none fits.
   * `containerWithAlias` wants exactly one.
   */
  lookup(namespace: string, alias: string): readonly ContainerView[];
  /** Samples the containers that have a value older than `maxAge` µs, also idle ones (0: all). */
  refresh(containers: readonly ContainerView[], maxAge: number): Promise<void>;
  /**
   * Samples a container more often for the next 10 s, because a user looks at it. At most 8 containers at a time are
   * sampled so; others keep their interval.
   * @returns the container's interval from now on, ms; `undefined` when it is unknown
   */
  watch(name: string): number | undefined;
  /** Cgroups that wait for their handler. */
  pending(): readonly PendingContainer[];
  /** Containers that ended recently and were not restarted, as remembered by their handlers. */
  departed(): readonly DepartedContainer[];
  /** Container runtimes that can be reached. */
  runtimes(): readonly RuntimeInfo[];
  /** Reports of the container engines, at most seconds old; an unreachable engine is reported with the reason. */
  engines(): Promise<readonly EngineReport[]>;
  /** Disk usage of images and volumes, of engines with that option; measured rarely, because it is expensive. */
  engineUsage(): readonly EngineUsage[];
  /** The cgroup directories whose changes the kernel reports (inotify), by container, sorted by name. */
  watchedDirectories(): readonly { readonly name: string; readonly directories: readonly string[] }[];
  /** The events of this host. */
  readonly events: EventLog;
  /** The recordings of containers that failed. */
  readonly capsules: CapsuleArchive;
  /** Every field of every loaded metric source. */
  fields(): readonly ProvidedField[];
  /** State, errors, cost and last success of every configured plugin. */
  plugins(): readonly PluginStatus[];
  /** The documented HTTP operations, sorted by path. */
  operations(): Promise<readonly ServedOperation[]>;
  /** What prevents measurements on this host, at most a minute old; most severe first. */
  findings(): readonly Finding[];
  /**
   * What is wrong with a container that runs or ended a short while ago, by its absolute name, by the rules of all
   * plugins; `undefined` when it is unknown. Worked out at each call: nothing is done for it otherwise.
   */
  diagnose(name: string): Diagnosis | undefined;
  /** The same for all running containers, sorted by name, and for ended ones (1,000 containers: about 20 ms). */
  diagnoseAll(): readonly Diagnosis[];
  /** Statistics of the agent itself. */
  self(): AgentSelf;
}
