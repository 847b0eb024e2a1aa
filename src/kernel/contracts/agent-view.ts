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

/** A limit that is "no limit" is `'unlimited'`, never a number: each API prints it as its contract says. */
export type Limit = bigint | 'unlimited';

/** A container's limits as its cgroup files say now. Absent members have no file. */
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

/** Points at one stored sample. Filled by `SampleWindow.at`; reuse one cursor for a whole walk. */
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

/** Which samples of a container are wanted. */
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

/** A container as everything downstream sees it. */
export interface ContainerView {
  /** Absolute name: the cgroup path. */
  readonly name: string;
  readonly description: ContainerDescription;
  /** Creation time, µs since the epoch; 0 when unknown. */
  readonly createdAt: number;
  /** Nanoseconds beyond `createdAt`, 0 … 999. */
  readonly createdAtExtraNs: number;
  /** Whether a probe gives this part of a sample; `cpu`, `memory` and `processes` follow the cgroup directories. */
  has(part: SamplePart): boolean;
  /** Limits read at most 5 s ago. */
  limits(): ResourceLimits;
  /** The memory limit alone, as its file says now: a fraction of the cost of `limits`. Absent without the file. */
  memoryLimit(): Limit | undefined;
  /** Names of the cgroups directly below, sorted. */
  children(): readonly string[];
  samples(query?: SampleQuery): SampleWindow;
  /** Ids of the processes in it, without those of the containers below it, read now. */
  processIds(): readonly number[];
  /** Metrics of the application in it; `undefined` when nothing collects any. */
  readonly appMetrics?: ContainerAppMetrics | undefined;
  /** `undefined` when the container has neither CPU nor memory. */
  summary(): DerivedStats | undefined;
  /** The newest `count` minutes of the last day. */
  minutes(count: number): UsageMinutes;
  /** What is missing and why: fields absent, files unreadable, a stale description. */
  readonly missing: readonly { readonly what: string; readonly reason: string }[];
}

/** A cgroup that a handler wants to wait for. */
export interface PendingContainer {
  readonly name: string;
  readonly handler: string;
  readonly reason: string;
  /** µs since the epoch */
  readonly since: number;
}

/** What the agent knows of its own work, for `/metrics` and diagnosis. Counts are since its start. */
export interface AgentSelf {
  /** µs since the epoch */
  readonly startedAt: number;
  /**
   * Samples taken; those among them in which an idle container's files were left unread; and slots that passed without a
   * sample because the agent was late.
   */
  readonly samples: { readonly taken: number; readonly idle: number; readonly missed: number };
  /** Bytes that the samples of all containers occupy. */
  readonly historyBytes: number;
  /** Cgroup files that are kept open, how many may be, and how many are opened anew for each read for want of that. */
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
  /** What the agent does to keep within its budget; absent in a replay. */
  readonly budget?: BudgetStatus;
}

/** A field, and the plugin that gives it. */
export interface ProvidedField extends FieldDescriptor {
  readonly plugin: string;
  /** Whether the plugin came with the agent. */
  readonly isBuiltin: boolean;
}

/** The one read-only view of the agent that API versions, endpoints and sinks get. */
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
  /** Samples now every given container that has a number older than `maxAge` µs, idle or not (0: all). */
  refresh(containers: readonly ContainerView[], maxAge: number): Promise<void>;
  /**
   * Samples a container more often for the next 10 s, because somebody looks at it. At most 8 containers at a time are
   * sampled so; others keep their interval.
   * @returns the container's interval from now on, ms; `undefined` when it is unknown
   */
  watch(name: string): number | undefined;
  /** Cgroups that wait for their handler. */
  pending(): readonly PendingContainer[];
  /** Containers that ended a short while ago and do not run again, as their handlers remember them. */
  departed(): readonly DepartedContainer[];
  /** Container runtimes that can be reached. */
  runtimes(): readonly RuntimeInfo[];
  /** What the container engines say of themselves; those that cannot be asked, with the reason. At most seconds old. */
  engines(): Promise<readonly EngineReport[]>;
  /** What images and volumes take up, of the engines that are asked for it (rarely: it costs them much). */
  engineUsage(): readonly EngineUsage[];
  /** The cgroup directories whose changes the kernel reports (inotify), by container, sorted by name. */
  watchedDirectories(): readonly { readonly name: string; readonly directories: readonly string[] }[];
  /** What happened on this host. */
  readonly events: EventLog;
  /** What was known of containers when they ended badly. */
  readonly capsules: CapsuleArchive;
  /** Every field of every loaded metric source. */
  fields(): readonly ProvidedField[];
  /** Every configured plugin: state, errors, cost, last success. */
  plugins(): readonly PluginStatus[];
  /** What is served over HTTP, as far as its plugins describe it, sorted by path. */
  operations(): Promise<readonly ServedOperation[]>;
  /** What takes numbers away on this host, as found at most a minute ago; the worst first. */
  findings(): readonly Finding[];
  /**
   * What is wrong with a container that runs or ended a short while ago, by its absolute name, by the rules of all
   * plugins; `undefined` when it is unknown. Worked out at each call: nothing is done for it otherwise.
   */
  diagnose(name: string): Diagnosis | undefined;
  /** The same of every container that runs, sorted by name, and of those that ended (1,000 containers: about 20 ms). */
  diagnoseAll(): readonly Diagnosis[];
  /** Samples taken and missed, memory of the history, open files. */
  self(): AgentSelf;
}
