import type { Finding } from './plugin-status.js';

/** The state of a container according to its handler. Raw cgroups are always `running`. */
export interface ContainerState {
  readonly status: 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead';
  /** Exit code of the last run; absent during the first run. */
  readonly exitCode?: number;
  /** Whether the kernel killed it because of an out-of-memory condition. */
  readonly oomKilled?: boolean;
  /** Why the last run ended, as the runtime calls it: `Completed`, `Error`, `OOMKilled`. */
  readonly reason?: string;
  /** Times in microseconds since the epoch. */
  readonly startedAt?: number;
  /** Nanoseconds beyond `startedAt`, 0 … 999; absent: 0. */
  readonly startedAtExtraNs?: number;
  readonly finishedAt?: number;
  /** Health check: absent without one. */
  readonly health?: ContainerHealth;
}

export type HealthStatus = 'starting' | 'healthy' | 'unhealthy';

/** The result of a container's health check. */
export interface ContainerHealth {
  readonly status: HealthStatus;
  readonly failingStreak: number;
  /** The last few earlier results, oldest first, with the time until which each was valid (µs since the epoch). */
  readonly earlier?: readonly { readonly status: HealthStatus; readonly until: number }[];
}

/** Whose network counters a container's init pid shows. */
export type NetworkMode =
  /** A namespace of its own. */
  | 'own'
  /** The host's namespace: the numbers are the host's. */
  | 'host'
  /** Another container's namespace: counted there, not here. */
  | 'shared'
  /** No namespace known (raw cgroups). */
  | 'none';

/** The files of a container on the host, for disk usage. */
export interface ContainerStorage {
  /** The writable layer (`…/overlay2/<id>/diff`). Absent if the storage driver has none; `reason` says why. */
  readonly writableLayer?: string;
  /** The runtime's own directory of the container (logs and metadata). */
  readonly ownDirectory?: string;
  /** Why `writableLayer` is absent. */
  readonly reason?: string;
}

/**
 * What a named cgroup is. `container`: a leaf in the v1 API, as cAdvisor has it. `machine` (LXC, nspawn, a virtual machine),
 * `pod`, and `unit` of a service manager keep listing the cgroups below them, and are monitored where the handler that
 * takes what is left (`raw`) would monitor that cgroup. In `/metrics` the label `name` of a unit stays
 * empty unless `unitNames` is set: dashboards made for cAdvisor tell containers from plain cgroups by it.
 */
export type ContainerKind = 'container' | 'machine' | 'pod' | 'unit';

/** What a handler knows about a container. Immutable: replaced when anything changes. */
export interface ContainerDescription {
  /** The runtime's id; absent for raw cgroups. */
  readonly id?: string;
  /** Other names, in order of preference. Empty for raw cgroups. */
  readonly aliases: readonly string[];
  /** Namespace of the aliases (`docker`, `podman`, …); absent for raw cgroups. */
  readonly namespace?: string;
  /** Default: `container` with a namespace, a plain cgroup without one. */
  readonly kind?: ContainerKind;
  readonly labels: Readonly<Record<string, string>>;
  /** Labels that are not published by configuration. They may configure application metrics, but are never shown. */
  readonly unpublishedLabels?: Readonly<Record<string, string>>;
  /** The configured environment variables only. */
  readonly envs: Readonly<Record<string, string>>;
  /** Image as the user named it. */
  readonly image?: string;
  /** Image id or digest. */
  readonly imageId?: string;
  /** Creation time in microseconds since the epoch; absent: the kernel takes it from the cgroup directories. */
  readonly createdAt?: number;
  /** Nanoseconds beyond `createdAt`, 0 … 999; absent: 0. */
  readonly createdAtExtraNs?: number;
  /** Pid (in the agent's pid namespace) of the first process; absent when there is none or it is not known. */
  readonly pid?: number;
  readonly networkMode: NetworkMode;
  /** IP addresses assigned by the runtime; not what the container itself claims. */
  readonly addresses?: readonly string[];
  /** Id of the container whose network it uses, for `shared`. */
  readonly networkOf?: string;
  readonly storage?: ContainerStorage;
  readonly restartCount?: number;
  readonly state: ContainerState;
  /** True while the runtime is unreachable: the description is the last known one. */
  readonly stale?: boolean;
}

/** A handler's answer to "whose is this cgroup path, and what is it called". */
export type Identification =
  /** Not a container of this handler: the next one is asked. */
  | { readonly verdict: 'pass' }
  /** A container of this handler that is not monitored. */
  | { readonly verdict: 'ignore'; readonly reason: string }
  /**
   * It looks like mine but is not known yet. The path waits, visibly, and is asked again when the handler calls
   * `reconsider`, or at the latest after one second, doubling up to a minute.
   */
  | { readonly verdict: 'pending'; readonly reason: string }
  | { readonly verdict: 'accept'; readonly description: ContainerDescription };

/** The runtime of a handler, for example for `attributes`. */
export interface RuntimeInfo {
  /** `docker`, `podman`, … */
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
}

/** An image of an engine. */
export interface EngineImage {
  readonly id: string;
  /** `shop/web:1`, … */
  readonly tags: readonly string[];
  /** µs since the epoch */
  readonly createdAt: number;
  /** bytes */
  readonly size: number;
}

/** The self-description of a container engine. Unknown texts are empty. */
export interface EngineInfo {
  readonly version: string;
  readonly apiVersion: string;
  readonly kernelVersion: string;
  readonly os: string;
  readonly hostname: string;
  /** Its data directory (`/var/lib/docker`). */
  readonly rootDirectory: string;
  readonly storageDriver: string;
  /** Status of the storage driver, in its order. */
  readonly storageStatus: readonly { readonly name: string; readonly value: string }[];
  readonly cgroupDriver: string;
  readonly containers: {
    readonly total: number;
    readonly running: number;
    readonly paused: number;
    readonly stopped: number;
  };
  readonly images: readonly EngineImage[];
}

/** The report of one engine, or why there is none. */
export interface EngineReport {
  /** `docker`, `podman`, … */
  readonly runtime: string;
  /** Its address, for people. */
  readonly endpoint: string;
  /** Time of the report, µs since the epoch; absent without `info`. */
  readonly askedAt?: number;
  readonly info?: EngineInfo;
  /** Why there is no `info`. */
  readonly reason?: string;
}

/** Disk usage of an image according to the engine; unknown sizes are absent. */
export interface EngineImageUsage {
  readonly id: string;
  /** `shop/web:1`, … */
  readonly tags: readonly string[];
  /** All its layers. */
  readonly bytes?: number;
  /** Those of its layers that other images use too. */
  readonly sharedBytes?: number;
}

/** Disk usage of a volume according to the engine; unknown members are absent. */
export interface EngineVolumeUsage {
  readonly name: string;
  readonly bytes?: number;
  /** Number of containers that use it. */
  readonly containers?: number;
}

/** Disk usage of images and volumes according to an engine, when last requested. */
export interface EngineUsage {
  /** `docker`, `podman`, … */
  readonly runtime: string;
  /** Its address, for people. */
  readonly endpoint: string;
  /** µs since the epoch */
  readonly askedAt: number;
  /** All images together, layers that they share counted once. */
  readonly imagesBytes?: number;
  readonly images: readonly EngineImageUsage[];
  readonly volumes: readonly EngineVolumeUsage[];
}

/** A container that ended recently. Its cgroup is gone; its handler still has its last description. */
export interface DepartedContainer {
  /** Its former absolute cgroup path. */
  readonly name: string;
  /** Includes the final `state`: exit code, out-of-memory kill, end time. */
  readonly description: ContainerDescription;
}

/** Requests of a handler to the agent. */
export interface ContainerRegistrar {
  /** Asks all handlers about a path again, because something has changed or the handler no longer knows it. */
  reconsider(path: string): void;
  /** Asks about every accepted or pending path of this handler again (after a reconnection). */
  reconsiderAll(): void;
  /** Requests another call of `findings`. */
  findingsChanged(): void;
}

/** What `create` of a `container-handler` plugin returns. */
export interface ContainerHandler {
  /**
   * True for a handler that takes whatever it is asked about: it is asked after all others, wherever it stands in the
   * config. The others are asked in the config's order. Must not change.
   */
  readonly fallback?: boolean;
  /**
   * Says whose a cgroup path is. Synchronous: a handler with a daemon answers from what it knows, with `pending` for
   * what it does not know yet, and calls `registrar.reconsider` when it does.
   * @param path absolute cgroup path, `/` first
   */
  identify(path: string): Identification;
  /**
   * The cgroup is gone, whatever the verdict on it was: nothing that is kept of it by its path is needed any more. A
   * later cgroup of the same path is asked about anew.
   */
  forget?(path: string): void;
  /** Starts watching the runtime. Must return soon; an unreachable runtime is retried in the background forever. */
  start?(registrar: ContainerRegistrar): Promise<void> | void;
  stop?(): Promise<void> | void;
  /**
   * Settles when the runtime has answered for the first time after `start`, or its time to do so is over. `/-/ready` and
   * `tallyman doctor` wait for it, up to 15 s, so that the first scrape has the names.
   */
  whenAnswered?(): Promise<void>;
  /** The runtime; `undefined` while it is unreachable. Must be served from memory. */
  runtime?(): RuntimeInfo | undefined;
  /**
   * What the engines behind the handler say of themselves. Asks each at most once in some seconds, whoever calls how
   * often; an engine that cannot be asked is a report with a reason.
   */
  engines?(): Promise<readonly EngineReport[]>;
  /** The last known disk usage of the engines. Must be served from memory. */
  engineUsage?(): readonly EngineUsage[];
  /**
   * What is wrong about the runtime or the way to it, for `tallyman doctor`. Asked once a minute and after
   * `registrar.findingsChanged`. A runtime that has not had its time to answer yet is no finding.
   */
  findings?(): Promise<readonly Finding[]>;
  /**
   * What the runtime calls the container of a cgroup, whichever handler named the cgroup. Served from memory, and without
   * asking the runtime. `tallyman doctor` compares what the handlers claim: a cgroup of two containers is a finding.
   */
  claim?(path: string): ContainerDescription | undefined;
  /**
   * Containers that ended within the handler's grace time, oldest first, so that alerts on exit codes and
   * out-of-memory kills need not catch the moment. Served from memory. One that runs again is no longer listed.
   */
  departed?(): readonly DepartedContainer[];
}

/**
 * When a container's present run began, µs since the epoch; 0 when nothing is known. Engines note the start when it is
 * over, up to a second late; a run's cgroup is made right before its first process.
 * @param createdAt when the container was made; 0: unknown
 * @param cgroupCreatedAt when its cgroup was made; 0: unknown
 */
export function startTime({ state }: ContainerDescription, createdAt: number, cgroupCreatedAt: number): number {
  const { startedAt, finishedAt = 0 } = state;
  if (startedAt === undefined) return createdAt;
  // A cgroup older than the run is used for several runs.
  const isOfThisRun = createdAt > 0 && cgroupCreatedAt >= Math.max(createdAt, finishedAt);
  return isOfThisRun ? Math.min(cgroupCreatedAt, startedAt) : startedAt;
}
