import type { CgroupFiles } from './cgroup.js';
import type { ContainerDescription } from './container.js';
import type { Column, FieldDescriptor, RowWriter } from './fields.js';

/**
 * The parts of a sample that a container's spec can announce (`has_cpu`, `has_network`, …). A part counts as present
 * as soon as a probe of a source with that `part` is attached, even if it has no columns yet.
 */
export type SamplePart = (typeof SAMPLE_PARTS)[number];

export const SAMPLE_PARTS = [
  'cpu',
  'memory',
  'diskio',
  'network',
  'filesystem',
  'processes',
  'hugetlb',
  'other',
] as const;

/** The result of a sample. */
export type SampleOutcome =
  /** The columns were written (or left absent). */
  | 'ok'
  /** `columns` changed (a device or interface was added or removed): `sample` is called again with the new ones. */
  | 'layout-changed'
  /** The source of the probe is gone; the probe is closed. */
  | 'ended';

/** A metric source bound to one container. Called once per sample on the hot path: no promises, no objects, no strings. */
export interface Probe {
  /** The columns written by `sample`. The array is immutable and replaced when they change. */
  readonly columns: readonly Column[];
  /** Reads the kernel and writes the columns. A thrown error counts as a fault of the plugin; the columns are then absent. */
  sample(row: RowWriter): SampleOutcome;
  /**
   * One cheap read whose result changes whenever the container did anything (CPU time consumed, memory in use).
   * A container whose activity numbers all stand still is idle: its probes with `skipWhenIdle` keep their last
   * numbers, for `housekeeping.idleRefresh` (10 s) and, while nothing is found changed, at most `maxIdleRefresh` (60 s).
   * @returns NaN when unknown, which counts as activity
   */
  activity?(): number;
  /**
   * What `activity` means.
   * `cpu-time`: the CPU time of the container and everything below it. While it stands still, nothing below it ran either.
   * `usage`: a quantity that grows only while the container runs; read only where no probe reads the CPU time.
   * `other`, the default: anything else; read for each sample.
   */
  readonly activityKind?: 'cpu-time' | 'usage' | 'other';
  /** Fields of the source that this container lacks, and why: `memory.max_usage`, `no memory.peak (Linux 5.19)`. */
  readonly missing?: readonly { readonly what: string; readonly reason: string }[];
  /** True when an idle container cannot change these columns in a way that matters within seconds. Default false. */
  readonly skipWhenIdle?: boolean;
  /**
   * True when nothing moves these columns but what uses CPU time in the container: once its files were read after the
   * container had become idle, they are not read again while it stays so. Default false.
   */
  readonly standsWhenIdle?: boolean;
  /** Closes descriptors. Called once; `sample` is not called afterwards. */
  close(): void;
}

/** The container a probe is asked to attach to. */
export interface ProbeTarget {
  /** Absolute container name; `/` is the machine. */
  readonly name: string;
  readonly isRoot: boolean;
  readonly cgroup: CgroupFiles;
  /** Description by the handler: init PID, network mode, writable layer, … It may change, so read it at each use. */
  readonly description: ContainerDescription;
}

/** Why a source has no probe for a container; shown to users unless it is expected. */
export interface Absent {
  /** The cause and, if possible, the fix: `no memory controller: boot with cgroup_enable=memory`. */
  readonly absent: string;
  /** True if this is normal (a raw cgroup has no network namespace), and is not reported. */
  readonly expected?: boolean;
}

/** What `create` of a `metric-source` plugin returns. */
export interface MetricSource {
  /** All fields that its probes may write. */
  readonly fields: readonly FieldDescriptor[];
  /** The part of a sample that its probes provide. */
  readonly part: SamplePart;
  /**
   * Binds the source to a container. Called when a container appears, when one of its controllers appears later,
   * and when its description changes in a way that matters (a new init pid). Must not block.
   */
  attach(target: ProbeTarget): Probe | Absent;
  /** Called once before the first `attach`, awaited (within the plugin's start time limit). */
  start?(): Promise<void> | void;
  /** Called once after the last probe was closed. */
  stop?(): Promise<void> | void;
}
