// What test/service/guest/cgroup-v2.mjs writes.

/** What test/service/guest/cgroup-v2.mjs found in the virtual machine. */
export interface Verdict {
  readonly numbers: readonly Comparison[];
  readonly containers: readonly Container[];
  readonly pods: Pods;
  readonly machines: {
    /** Names that `machinectl list` shows. */
    readonly listed: readonly string[];
    readonly reported: readonly Machine[];
    /** What `machinectl show` says of each. */
    readonly shown: readonly Readonly<Record<'Name' | 'Class' | 'Service' | 'Unit', string>>[];
  };
  readonly tree: {
    readonly missing: string[];
    readonly unknown: string[];
    readonly found: number;
    /** Cgroups of Podman's monitor processes that exist and are not in the answer. */
    readonly monitors: number;
  };
  /** The entry of `plugins:` by which the agent got to know a user's Podman. */
  readonly podman: string;
  /** Users besides the owner who may ask that Podman. */
  readonly letIn: readonly string[];
  /** Findings of the agent without that entry, which may not read the kernel log either. */
  readonly findings: readonly { readonly id: string; readonly what: string; readonly mend: string }[];
  readonly oom: {
    /** The kernel's count for the unit. */
    readonly kernel: number;
    /** What Docker says of the container. */
    readonly engine: { readonly oomKilled: boolean; readonly exitCode: number };
    /** What each agent reported: `agent`, and `blind`, which may not read the kernel log. */
    readonly reported: Readonly<Record<'agent' | 'blind', ReportedKills>>;
  };
  readonly systemd: {
    readonly units: readonly Unit[];
    /** First aliases of units of alice's service manager. */
    readonly ofUsers: readonly string[];
  };
  readonly machine: { readonly num_cores: number; readonly memory_capacity: number };
  /** Exit status, or the signal that it died of, of the agent. */
  readonly end: number | string;
  readonly why: {
    /** Rules of the findings of each unit in trouble, the worst first. */
    readonly named: Readonly<Record<string, readonly string[]>>;
    /** By rule, what was found for one that is well, and which rules were applied to it. */
    readonly healthy: Readonly<
      Record<string, { readonly found: readonly string[]; readonly lookedAt: readonly string[] }>
    >;
  };
  readonly containerd: ContainerdEnds;
  /** Kinds of the reasons of the capsules, by container. */
  readonly capsules: Readonly<Record<string, readonly string[]>>;
  /** Of the second agent, killed while it wrote capsules: ids of its files, of those that end early, and those that `tallyman capsules` lists. */
  readonly afterKill: {
    readonly files: readonly string[];
    readonly cut: readonly string[];
    readonly listed: readonly string[];
  };
}

/** What `/metrics` reported as the state of a container. */
interface ReportedEnd {
  readonly state: string;
  readonly exit_code?: number;
  readonly oom_killed?: number;
  readonly restarts_total?: number;
  readonly reason?: string;
  readonly finished_time_seconds?: number;
}

/** What CRI said of the end of a container. */
interface StatusOfEnd {
  readonly exitCode: number;
  readonly reason: string;
  /** s since the epoch */
  readonly finished: number;
}

/** `worker` and `app` are containers of a pod, `eater` and `box` of `ctr`, which called the state of its task `task`. */
interface ContainerdEnds {
  readonly memory: {
    /** Of the second attempt of the worker. */
    readonly again: ReportedEnd;
    readonly reported: Readonly<Record<'worker' | 'eater', ReportedEnd>>;
    readonly status: StatusOfEnd;
    readonly task: string;
  };
  readonly daemon: {
    readonly aliases: Readonly<Record<'whileDead' | 'later', string>>;
    readonly reported: Readonly<Record<'app' | 'box', ReportedEnd>>;
    readonly status: StatusOfEnd;
    readonly task: string;
    /** Between the samples of the pod. */
    readonly gapsMs: readonly number[];
  };
}

/** What the agent reported about a unit of the system, and what `systemctl show` said right after. */
interface Unit {
  readonly cgroup: string;
  readonly aliases: readonly string[];
  readonly unit: string;
  readonly description?: string;
  readonly name: string;
  readonly state: string;
  readonly restarts?: number;
  readonly shown: Readonly<Record<'Id' | 'Description' | 'ControlGroup' | 'NRestarts' | 'ActiveState', string>>;
}

/** What an agent reported about a unit, the slice whose limit the unit hit, and a container with a limit of its own. */
export interface ReportedKills {
  readonly events: readonly {
    readonly container: string;
    readonly type: string;
    readonly process?: string;
    readonly exitCode?: number;
  }[];
  /** `oom_events` of the unit. */
  readonly kills: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** A container that an engine started, with its cgroup as the kernel names it, and what the API reported about it. */
interface Container {
  readonly name: string;
  readonly runtime: string;
  readonly id: string;
  readonly image: string;
  readonly cgroup: string;
  readonly reported: {
    readonly path: string;
    readonly byId: readonly string[];
    readonly aliases: readonly string[];
    readonly namespace: string;
    readonly image: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly numbers: readonly Comparison[];
}

type Pod = 'pod' | 'sandbox' | 'app' | 'worker' | 'box';

/** What was reported about a pod, its sandbox, its two containers, and a container of `ctr` in another namespace. */
interface Pods {
  readonly ids: Readonly<Record<Pod, string>>;
  readonly reported: Readonly<Record<Pod, Omit<Container['reported'], 'byId'>>>;
  /** What the runtime says of `app` over CRI. */
  readonly status: { readonly image: string; readonly labels: Readonly<Record<string, string>> };
  /** Where the kernel has the pod, `app` and `box`. */
  readonly cgroups: Readonly<Record<'pod' | 'app' | 'box', string>>;
  readonly numbers: readonly Comparison[];
  /** States and exit codes, by series and name. */
  readonly metrics: Readonly<Record<string, string>>;
}

/** What the agent reported about a machine. */
interface Machine {
  readonly cgroup: string;
  readonly aliases: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly hasNetwork: boolean;
}

/** A number of the API, and what the kernel's file said before and after the question. */
export interface Comparison {
  readonly what: string;
  readonly low: number | string;
  readonly api: number | string | undefined;
  readonly high: number | string;
}
