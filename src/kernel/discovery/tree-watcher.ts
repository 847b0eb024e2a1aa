import {
  type CgroupNode,
  childName,
  type Hierarchies,
  isUntracked,
  type KnownCgroups,
  parentName,
} from '../containers/index.js';
import { type Clock, type Logger, messageOf, Slices } from '../contracts/index.js';
import type { CommonTimer } from '../timing/index.js';
import { CgroupTree } from './cgroup-tree.js';
import { HierarchyCounts } from './hierarchy-counts.js';
import { type WatchDirectory, WatchPool, watchByInotify } from './watch-pool.js';

/** How long directories are examined in one turn of the event loop. */
const SLICE_MS = 2;
/** Number of events in one batch at which the kernel's queue (16 384 by default) may have overflowed. */
const OVERFLOW_SUSPICION = 8192;
/** Checks between two sweeps while no watches are available. */
const CHECKS_PER_SWEEP = 3;
const SUBTREE_CONTROL = 'cgroup.subtree_control';
const MEMORY_EVENTS = 'memory.events';

export interface TreeWatcherOptions {
  readonly hierarchies: Hierarchies;
  readonly cgroups: KnownCgroups;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timer: Pick<CommonTimer, 'every'>;
  /** Interval of complete comparisons with the cgroup tree, in case events are missed. Default 60 000. */
  readonly rescanIntervalMs?: number;
  /** The host's `/proc/cgroups`, whose counts show that an unwatched directory has a new child. */
  readonly countsFile?: string;
  /** Called before the first walk with roughly the number of cgroups, 0 where it is unknown. */
  readonly expectCgroups?: (count: number) => void;
  /** Watches a directory. Default: inotify through `fs.watch`. */
  readonly watchDirectory?: WatchDirectory;
  /** How long events are collected before they are processed. Default 30. */
  readonly coalesceMs?: number;
  /** Interval of reading `countsFile`; without watches every third check is a complete sweep. Default 1000. */
  readonly checkIntervalMs?: number;
}

/** Updates a `CgroupTree` by events, by the kernel's counts and by sweeps. */
export class TreeWatcher {
  private readonly cgroups: KnownCgroups;
  private readonly checkIntervalMs: number;
  private readonly tree: CgroupTree;
  private readonly pool: WatchPool;
  private readonly counts: HierarchyCounts;
  private dirty = new Set<string>();
  private reenabled = new Set<CgroupNode>();
  private events = 0;
  private flushTimer: NodeJS.Timeout | undefined;
  private flushing = false;
  private walking = false;
  /** A sweep was requested during another walk, and is to leave nothing out. */
  private sweepDue = false;
  private fullSweepDue = false;
  private sweeps = 0;
  private checks = 0;
  /** A check was due during a flush, and follows it. */
  private checkDue = false;
  private endChecks: () => void = () => {};
  private rescanTimer: NodeJS.Timeout | undefined;
  stopped = false;

  /** @param report called with batches of nodes whose directories changed; must not throw */
  constructor(
    private readonly options: TreeWatcherOptions,
    private readonly report: (nodes: readonly CgroupNode[]) => void,
  ) {
    const { hierarchies, cgroups, clock, logger, checkIntervalMs = 1000, watchDirectory = watchByInotify } = options;
    this.cgroups = cgroups;
    this.checkIntervalMs = checkIntervalMs;
    const sweepSeconds = (checkIntervalMs * CHECKS_PER_SWEEP) / 1000;
    this.pool = new WatchPool(watchDirectory, logger, sweepSeconds, cgroups);
    this.counts = new HierarchyCounts(options.countsFile, hierarchies, logger);
    const onEvent = (node: CgroupNode, type: string, name: string | null) => this.onEvent(node, type, name);
    this.tree = new CgroupTree(cgroups, hierarchies, this.pool, clock, onEvent);
  }

  /** Walks all hierarchies and reports all nodes before it returns. */
  start(): void {
    this.options.expectCgroups?.(this.counts.greatest());
    // The machine exists even without any hierarchy.
    this.tree.touch(this.cgroups.root);
    this.tree.update('/');
    this.publish();
    this.endChecks = this.options.timer.every(this.checkIntervalMs, () => this.check());
    this.sweepEvery(this.options.rescanIntervalMs ?? 60_000);
  }

  sweepEvery(milliseconds: number): void {
    clearInterval(this.rescanTimer);
    this.rescanTimer = setInterval(() => this.background(this.sweep()), milliseconds);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.flushTimer);
    this.endChecks();
    clearInterval(this.rescanTimer);
    this.tree.close();
  }

  /** Schedules the update of a name and its unknown ancestors. */
  recheck(name: string): void {
    if (this.stopped || !name.startsWith('/')) return;
    this.dirty.add(name);
    for (let above = name; above !== '/'; ) {
      above = parentName(above);
      if (this.cgroups.nodes.has(above)) break;
      this.dirty.add(above);
    }
    this.schedule();
  }

  private onEvent(node: CgroupNode, type: string, name: string | null): void {
    if (this.stopped) return;
    if (type !== 'rename') {
      if (name === MEMORY_EVENTS) this.cgroups.memoryEventsChanged();
      // A write to this file is the only event when a v2 controller is enabled or disabled for the children.
      if (name !== SUBTREE_CONTROL) return;
      this.reenabled.add(node);
    } else if (name === null) {
      this.dirty.add(node.name);
    } else if (!isUntracked(name)) {
      this.dirty.add(childName(node.name, name));
    }
    this.events++;
    this.schedule();
  }

  private schedule(): void {
    if (this.flushTimer !== undefined || this.flushing || this.stopped) return;
    this.flushTimer = setTimeout(() => this.background(this.flush()), this.options.coalesceMs ?? 30);
  }

  private async flush(): Promise<void> {
    this.flushTimer = undefined;
    this.flushing = true;
    try {
      // Ancestors sort first, and must be known first.
      const names = [...this.dirty].sort();
      this.dirty.clear();
      if (this.events >= OVERFLOW_SUSPICION) this.background(this.sweep(true));
      this.events = 0;
      this.touchReenabled();
      await this.inSlices(names, (name) => this.tree.update(name));
    } finally {
      this.flushing = false;
      if (this.checkDue) this.check();
      if (this.dirty.size > 0 || this.reenabled.size > 0) this.schedule();
    }
  }

  private touchReenabled(): void {
    for (const node of this.reenabled) {
      for (const child of node.children.values()) this.tree.touch(child);
    }
    this.reenabled.clear();
  }

  private publish(): void {
    if (this.stopped) return;
    const nodes = this.tree.settle();
    if (nodes.length > 0) this.report(nodes);
  }

  private check(): void {
    // Cgroups that have not been examined yet would count as unknown.
    this.checkDue = this.flushing || this.flushTimer !== undefined;
    if (this.checkDue || this.walking || this.stopped) return;
    this.checks++;
    if (this.pool.exhausted) {
      if (this.checks % CHECKS_PER_SWEEP === 0) this.background(this.sweep());
      return;
    }
    const suspects = this.counts.suspects(this.cgroups.counts);
    if (suspects.size > 0) this.background(this.inspectUnwatched(suspects));
  }

  private async inspectUnwatched(hierarchies: ReadonlySet<number>): Promise<void> {
    await this.walk((node) => {
      for (const hierarchy of hierarchies) {
        if (node.inodes[hierarchy] !== 0 && node.watches[hierarchy] === undefined) this.tree.examine(node, hierarchy);
      }
    });
  }

  /**
   * Compares known directories with the filesystem, and tries to add missing watches.
   * @param isFull whether events may have been lost or there are no watches
   */
  private async sweep(isFull = this.pool.exhausted): Promise<void> {
    this.sweepDue = this.walking;
    this.fullSweepDue = this.walking && (isFull || this.fullSweepDue);
    if (this.walking) return;
    this.pool.beginTrial();
    const turn = isFull ? undefined : this.sweeps++ % this.cgroups.paths.length;
    await this.walk((node) => {
      this.sweepNode(node, turn);
      if (!node.alive) return;
      this.tree.ensureWatches(node);
      if (this.options.hierarchies.version === 2) this.tree.touch(node);
    });
    if (!this.stopped) this.pool.endTrial();
  }

  /**
   * The directories of a leaf are removed and created together, and where they are not, the kernel's counts tell: while
   * the watched one is the same, only one of the others is compared in each sweep.
   * @param turn the hierarchy whose turn it is; undefined: all
   */
  private sweepNode(node: CgroupNode, turn: number | undefined): void {
    const watched = this.tree.watchedHierarchy(node);
    const inode = watched === undefined ? 0 : node.inodes[watched];
    if (watched !== undefined) this.sweepDirectory(node, watched);
    const isSame = watched !== undefined && node.inodes[watched] === inode;
    const isLeaf = node.parent !== undefined && node.children.size === 0;
    for (let hierarchy = 0; hierarchy < node.inodes.length; hierarchy++) {
      const isInTurn = turn === undefined || turn === hierarchy || !isLeaf || !isSame;
      if (hierarchy !== watched && isInTurn) this.sweepDirectory(node, hierarchy);
    }
  }

  private sweepDirectory(node: CgroupNode, hierarchy: number): void {
    const { parent } = node;
    // The root is always examined: a hierarchy may be mounted later.
    if (parent !== undefined && node.inodes[hierarchy] === 0) return;
    if (this.tree.examine(node, hierarchy) || parent === undefined) return;
    // After a removal an equal link count does not prove that nothing was added.
    if (this.tree.markUnlisted(parent, hierarchy)) this.tree.examine(parent, hierarchy);
  }

  /** Visits all known nodes, in slices between which the event loop runs. Only one walk runs at a time. */
  private async walk(visit: (node: CgroupNode) => void): Promise<void> {
    if (this.walking) return;
    this.walking = true;
    try {
      await this.inSlices([...this.cgroups.nodes.values()], (node) => {
        if (node.alive) visit(node);
      });
    } finally {
      this.walking = false;
      if (this.sweepDue && !this.stopped) this.background(this.sweep(this.fullSweepDue || this.pool.exhausted));
    }
  }

  /** Publishes what changed after each slice. */
  private async inSlices<T>(items: readonly T[], visit: (item: T) => void): Promise<void> {
    const slices = new Slices(SLICE_MS);
    for (const item of items) {
      visit(item);
      if (!slices.isOver()) continue;
      this.publish();
      await slices.pause();
      if (this.stopped) return;
    }
    this.publish();
  }

  private background(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.options.logger.error(`looking at the cgroup tree failed: ${messageOf(error)}; it is tried again`);
    });
  }
}
