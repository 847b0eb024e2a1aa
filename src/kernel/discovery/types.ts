import type {
  CgroupFiles,
  Clock,
  ContainerDescription,
  ContainerHandler,
  Controller,
  Logger,
} from '../contracts/index.js';

/** The mounted cgroup hierarchies to follow: several on cgroup v1 (also hybrid), one on v2. */
export interface WatchedHierarchies {
  readonly version: 1 | 2;
  readonly mounts: readonly { readonly controllers: readonly Controller[]; readonly path: string }[];
}

/** A cgroup that a handler accepted. The same object from `added` to `removed`; its members change in between. */
export interface TrackedContainer {
  /** Absolute cgroup path, `/` first. */
  readonly name: string;
  readonly description: ContainerDescription;
  /** Id of the handler that accepted it; another one may take it over. */
  readonly handlerId: string;
  /** Its cgroup's files, looked up anew whenever `controllers` changes. */
  readonly cgroup: CgroupFiles;
  /** Controllers whose hierarchy has a directory of this container (v2: controllers enabled for it). */
  readonly controllers: ReadonlySet<Controller>;
  /** When the agent first saw the cgroup, µs since the epoch. */
  readonly firstSeenAt: number;
  /** Controllers of the host that this container lacks, and why. */
  readonly missing: readonly { readonly what: string; readonly reason: string }[];
}

/** Told about every change, in order: a parent is added before its children and removed after them. */
export interface ContainerListener {
  added(container: TrackedContainer): void;
  removed(container: TrackedContainer): void;
  /** The same container is described differently, perhaps by another handler. */
  descriptionChanged(container: TrackedContainer, previous: ContainerDescription): void;
  /** Directories of the container came, went or were replaced in some hierarchies: `cgroup` is fresh. */
  controllersChanged(container: TrackedContainer): void;
  /** What a handler finds wrong may be different now. */
  findingsChanged(): void;
}

/** A handler as the registry asks it. */
export interface RegisteredHandler {
  /** Id of the plugin instance. */
  readonly id: string;
  readonly handler: ContainerHandler;
}

/** A watch of one directory. */
export interface DirectoryWatch {
  close(): void;
}

/**
 * Watches one directory, not what is below it.
 * @throws a system error: `ENOSPC` and `EMFILE` mean that the kernel's inotify limits are used up
 */
export type WatchDirectory = (
  path: string,
  onEvent: (type: string, name: string | null) => void,
  onError: (error: unknown) => void,
) => DirectoryWatch;

export interface RegistryOptions {
  readonly hierarchies: WatchedHierarchies;
  /** The handlers in the order they are asked, fallbacks aside. Read at every question; tell changes by `handlersChanged()`. */
  readonly handlers: () => readonly RegisteredHandler[];
  readonly createFiles: (name: string) => CgroupFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds between two full comparisons with the cgroup tree, the backstop of the watches. Default 60 000. */
  readonly rescanInterval?: number;
  readonly listener: ContainerListener;
  /** Told when a handler throws or answers nonsense; the handler counts as passing. */
  readonly onFault: (handlerId: string, error: unknown) => void;
  /** The host's `/proc/cgroups`: its counts reveal cheaply that an unwatched directory got a child. */
  readonly countsFile?: string;
  /** How directories are watched; inotify through `fs.watch` unless told otherwise. */
  readonly watchDirectory?: WatchDirectory;
  /** Milliseconds that events are gathered before they are acted upon. Default 30. */
  readonly coalesce?: number;
  /** Milliseconds between two looks at `countsFile`; without watches every third look is a full one. Default 1000. */
  readonly checkInterval?: number;
  /** Pauses in milliseconds before a pending cgroup is asked about again. Default 1000, doubling up to 60 000. */
  readonly pendingRetry?: { readonly first: number; readonly longest: number };
}
