import type { Clock, PendingContainer } from '../contracts/index.js';
import { CgroupNode, type Hierarchies } from './cgroup-node.js';
import { compareNames } from './container-store.js';

/** The known cgroup directories of all hierarchies, monitored or not. Updated by discovery. */
export class KnownCgroups {
  readonly nodes = new Map<string, CgroupNode>();
  readonly root: CgroupNode;
  readonly paths: readonly string[];
  /** Directories known per hierarchy, without the root's. */
  readonly counts: number[];
  /** Cgroups whose handler answered `pending`. */
  readonly pending = new Map<string, PendingContainer>();
  /** The kernel allows no more watches, so that new cgroups are found later. */
  watchesExhausted = false;
  private readonly memoryListeners: (() => void)[] = [];

  constructor(
    private readonly hierarchies: Hierarchies,
    clock: Clock,
  ) {
    this.paths = hierarchies.mounts.map(({ path }) => path);
    this.counts = this.paths.map(() => 0);
    this.root = new CgroupNode('/', '', undefined, this.paths.length, clock.now());
    this.nodes.set('/', this.root);
  }

  /**
   * Whether the kernel reports changes of `memory.events`, as it does with cgroup v2 to those who watch the directory: of
   * every cgroup whose file has been read, including what happens below it.
   */
  get reportsMemoryEvents(): boolean {
    return this.hierarchies.version === 2 && !this.watchesExhausted;
  }

  /** @param listener called when the kernel has reported such a change, before and after an OOM kill among others */
  onMemoryEvents(listener: () => void): void {
    this.memoryListeners.push(listener);
  }

  memoryEventsChanged(): void {
    for (const listener of this.memoryListeners) listener();
  }

  directory(name: string, hierarchy: number): string {
    return name === '/' ? this.paths[hierarchy]! : this.paths[hierarchy]! + name;
  }

  /** Absolute names of the cgroups directly below, in any hierarchy, sorted. */
  children(name: string): readonly string[] {
    const node = this.nodes.get(name);
    return node === undefined ? [] : [...node.children.values()].map((child) => child.name).sort();
  }

  pendingContainers(): readonly PendingContainer[] {
    return [...this.pending.values()].sort(compareNames);
  }

  /** The directories with an inotify watch, sorted by cgroup name. */
  watchedDirectories(): readonly { readonly name: string; readonly directories: readonly string[] }[] {
    return [...this.nodes.values()]
      .map(({ name, watches }) => ({
        name,
        directories: [...watches.keys()].filter((h) => watches[h] !== undefined).map((h) => this.directory(name, h)),
      }))
      .filter(({ directories }) => directories.length > 0)
      .sort(compareNames);
  }

  /** Number of inotify watches in use. */
  get watchCount(): number {
    let count = 0;
    for (const { watches } of this.nodes.values()) for (const watch of watches) if (watch !== undefined) count++;
    return count;
  }
}
