/** A kernel file that is read repeatedly. Its descriptor is kept open if the limit of open files allows. */
export interface KernelFile {
  /** The absolute path, for messages. */
  readonly path: string;
  /**
   * Reads the whole file into `buffer` (shared by all files, valid until the next read of any file).
   * @returns the number of bytes, or −1 when the file is gone or unreadable (`failure` says why)
   */
  read(): number;
  /** Filled by the last `read`. */
  readonly buffer: Buffer;
  /** Why the last `read` returned −1 (`ENODEV`, `EACCES`, …); `undefined` after success. */
  readonly failure: string | undefined;
  close(): void;
}

/** Whether a `failure` means that the cgroup or process is gone, rather than a temporary error. */
export function isGone(failure: string | undefined): boolean {
  return failure === 'ENODEV' || failure === 'ENOENT' || failure === 'ESRCH';
}

/** A file that holds one unsigned decimal (`memory.usage_in_bytes`), or the word `max`. */
export interface KernelValue {
  readonly path: string;
  /** @returns false when the file is gone, unreadable or holds no number (`failure` says why) */
  read(): boolean;
  /** The number as the nearest double. `max` reads as 2^64 with residual −1 (18446744073709551615). */
  value: number;
  /** What is missing from `value` to the exact integer; 0 below 2^53. */
  residual: number;
  readonly failure: string | undefined;
  close(): void;
}

/** A file of `key value` lines (`memory.stat`, `cpu.stat`), of which some keys are read. */
export interface KeyedFile {
  readonly path: string;
  /** The wanted keys; index i of `values` and `residuals` belongs to `keys[i]`. */
  readonly keys: readonly string[];
  /** @returns false when the file is gone or unreadable (`failure` says why); malformed lines are skipped */
  read(): boolean;
  /**
   * The numbers as nearest doubles; NaN for a key that the file does not have. Shared by the files that were opened with
   * the same `keys` array: valid until the next read of any of them.
   */
  readonly values: Float64Array;
  /** What is missing from `values[i]` to the exact integers; shared like `values`. */
  readonly residuals: Int16Array;
  readonly failure: string | undefined;
  close(): void;
}

/** The names of cgroup v1 controllers and, on v2, the controllers of the unified hierarchy (`io` is given as `blkio`). */
export type Controller =
  | 'cpu'
  | 'cpuacct'
  | 'cpuset'
  | 'memory'
  | 'blkio'
  | 'pids'
  | 'devices'
  | 'hugetlb'
  | 'perf_event';

/** The files of one container's cgroup, wherever its hierarchies are mounted. */
export interface CgroupFiles {
  /** 1 for split or co-mounted v1 hierarchies (also on hybrid hosts), 2 for the unified hierarchy. */
  readonly version: 1 | 2;
  /** The container's directory in the controller's hierarchy, `undefined` when it does not exist there. */
  directory(controller: Controller): string | undefined;
  /** The container's directory in the cgroup2 mount: the only hierarchy on v2, the extra one of hybrid hosts on v1. */
  unifiedDirectory(): string | undefined;
  /** @returns a file of the container's directory, `undefined` when directory or file do not exist or cannot be opened */
  file(controller: Controller, name: string): KernelFile | undefined;
  /** The same for a file holding one number. */
  value(controller: Controller, name: string): KernelValue | undefined;
  /** The same for a file of `key value` lines. */
  keyed(controller: Controller, name: string, keys: readonly string[]): KeyedFile | undefined;
  /** A file below `unifiedDirectory()`. */
  unifiedFile(name: string): KernelFile | undefined;
  /** Text of a small file read once (limits, `cpuset.cpus`), trimmed; `undefined` when missing or unreadable. */
  text(controller: Controller, name: string): string | undefined;
  /** Process ids in this cgroup, without descendants (`cgroup.procs`); empty when unreadable. */
  pids(): number[];
  /** Process ids in this cgroup and everything below it. */
  pidsBelow(): number[];
}

/** A controller as `/proc/cgroups` lists it. */
export interface KernelController {
  /** 0: in no v1 hierarchy. */
  readonly hierarchy: number;
  /** Number of cgroups in its hierarchy. */
  readonly cgroups: number;
  readonly enabled: boolean;
}

/** The kernel's controllers from the text of `/proc/cgroups`; malformed lines are skipped. */
export function parseCgroups(text: string): Map<string, KernelController> {
  const controllers = new Map<string, KernelController>();
  for (const line of text.split('\n')) {
    const match = /^([^#\s]\S*)\s+(\d+)\s+(\d+)\s+([01])\s*$/.exec(line);
    if (match === null) continue;
    const [hierarchy, cgroups] = [Number(match[2]), Number(match[3])];
    controllers.set(match[1]!, { hierarchy, cgroups, enabled: match[4] === '1' });
  }
  return controllers;
}
