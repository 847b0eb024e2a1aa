import type { ContainerStore, DirectoryWatch, Hierarchies, KnownCgroups } from '../containers/index.js';
import type { CgroupFiles, Clock, Logger } from '../contracts/index.js';
import type { ActivePlugins, Supervisor } from '../supervision/index.js';
import type { PendingRetry } from './pending-queue.js';

/**
 * Watches one directory, not what is below it.
 * @throws a system error: `ENOSPC` and `EMFILE` mean that the kernel's inotify limits are used up
 */
export type WatchDirectory = (
  path: string,
  onEvent: (type: string, name: string | null) => void,
  onError: (error: unknown) => void,
) => DirectoryWatch;

export interface DiscoveryOptions {
  readonly hierarchies: Hierarchies;
  /** The handlers in the order in which they are asked, fallbacks last. */
  readonly plugins: Pick<ActivePlugins, 'of'>;
  /** Notified when a handler throws or returns an invalid answer; it then counts as passing. */
  readonly supervisor: Pick<Supervisor, 'fault'>;
  readonly store: ContainerStore;
  readonly cgroups: KnownCgroups;
  readonly createFiles: (name: string) => CgroupFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Interval of complete comparisons with the cgroup tree, in case events are missed. Default 60 000. */
  readonly rescanIntervalMs?: number;
  /** The host's `/proc/cgroups`, whose counts show that an unwatched directory has a new child. */
  readonly countsFile?: string;
  /** Watches a directory. Default: inotify through `fs.watch`. */
  readonly watchDirectory?: WatchDirectory;
  /** How long events are collected before they are processed. Default 30. */
  readonly coalesceMs?: number;
  /** Interval of reading `countsFile`; without watches every third check is a complete sweep. Default 1000. */
  readonly checkIntervalMs?: number;
  /** Pauses before handlers are asked about a pending cgroup again. Default 1000, doubling up to 60 000. */
  readonly pendingRetry?: PendingRetry;
}
