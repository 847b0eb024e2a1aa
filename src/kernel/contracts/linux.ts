import type { HostVersions, MachineInfo, ProcessInfo, TrackedFilesystem } from './machine.js';

/** Paths of the host's kernel filesystems, which differ in tests and in containers with the host mounted. */
export interface HostPaths {
  /** The host's root directory as seen by the agent; `/` unless it runs in a container. */
  readonly root: string;
  /** The host's `/proc`. */
  readonly proc: string;
  /** The host's `/sys`. */
  readonly sys: string;
  /** The host's cgroup mount, normally `/sys/fs/cgroup`. */
  readonly cgroup: string;
}

/** A column of `/proc/diskstats`, fields 4 to 14. */
export interface DiskCounters {
  readonly reads_completed: number;
  readonly reads_merged: number;
  readonly sectors_read: number;
  /** ms */
  readonly read_time: number;
  readonly writes_completed: number;
  readonly writes_merged: number;
  readonly sectors_written: number;
  /** ms */
  readonly write_time: number;
  readonly io_in_progress: number;
  /** ms */
  readonly io_time: number;
  /** ms */
  readonly weighted_io_time: number;
}

/** The result of `statfs(2)` in bytes and inodes. */
export interface FilesystemUsage {
  readonly capacity: number;
  readonly free: number;
  readonly available: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** Readers of the host's kernel interfaces that are not cgroup files. */
export interface LinuxHost {
  readonly paths: HostPaths;
  /** The machine information, refreshed every `machine.refreshInterval` (5 min). */
  machine(): MachineInfo;
  versions(): HostVersions;
  /** The filesystems in the order of mountinfo, refreshed with the machine information. */
  filesystems(): readonly TrackedFilesystem[];
  /**
   * Gives the filesystem that holds `directory` (absolute, on the host) a label: a runtime's handler declares so where its
   * images are (`docker-images`, Docker's root). The last directory declared for a label counts, and takes effect at once.
   */
  labelFilesystem(label: string, directory: string): void;
  /** `/dev/disk/by-uuid`: uuid → device. */
  filesystemByUuid(uuid: string): string | undefined;
  /** Device name (`/dev/vda`) of a block device by its numbers, `''` when unknown. */
  deviceName(major: number, minor: number): string;
  /** `/proc/diskstats` by `major:minor`, read at most once per second. */
  diskCounters(): ReadonlyMap<string, DiskCounters>;
  /** Usage of a mounted filesystem. Never blocks: the value may be five seconds old, and is `undefined` at first. */
  filesystemUsage(mountpoint: string): FilesystemUsage | undefined;
  /** Text of a file below the host's `/proc`, `undefined` when missing or unreadable. Opened and closed at each call. */
  procText(path: string): string | undefined;
  /**
   * Bytes of a file below the host's `/proc`, opened and closed at each call (a kept descriptor of
   * `/proc/<pid>/net/*` would pin the network namespace). The buffer is shared: valid until the next read of any file.
   * @returns the number of bytes in `buffer`, −1 when missing or unreadable
   */
  readProc(path: string): number;
  /** Filled by `readProc`. */
  readonly buffer: Buffer;
  /**
   * Processes of the host, read from `/proc`; those that vanish meanwhile are left out.
   * @param pids those wanted; absent: all
   */
  processes(pids?: readonly number[]): Promise<readonly ProcessInfo[]>;
}
