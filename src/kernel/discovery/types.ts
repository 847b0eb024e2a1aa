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
  /** The handlers, fallbacks aside in the order they are asked. */
  readonly plugins: Pick<ActivePlugins, 'of'>;
  /** Told when a handler throws or answers nonsense; the handler counts as passing. */
  readonly supervisor: Pick<Supervisor, 'fault'>;
  readonly store: ContainerStore;
  readonly cgroups: KnownCgroups;
  readonly createFiles: (name: string) => CgroupFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Between two full comparisons with the cgroup tree, the backstop of the watches. Default 60 000. */
  readonly rescanIntervalMs?: number;
  /** The host's `/proc/cgroups`: its counts reveal cheaply that an unwatched directory got a child. */
  readonly countsFile?: string;
  /** How directories are watched; inotify through `fs.watch` unless told otherwise. */
  readonly watchDirectory?: WatchDirectory;
  /** How long events are gathered before they are acted upon. Default 30. */
  readonly coalesceMs?: number;
  /** Between two looks at `countsFile`; without watches every third look is a full one. Default 1000. */
  readonly checkIntervalMs?: number;
  /** Pauses before a pending cgroup is asked about again. Default 1000, doubling up to 60 000. */
  readonly pendingRetry?: PendingRetry;
}
