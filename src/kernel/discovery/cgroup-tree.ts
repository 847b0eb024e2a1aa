import { readdirSync, type Stats, statSync } from 'node:fs';
import {
  CgroupNode,
  childName,
  EMPTY_DIRECTORY_LINKS,
  type Hierarchies,
  isTorn,
  isUntracked,
  type KnownCgroups,
  parentName,
} from '../containers/index.js';
import type { Clock } from '../contracts/index.js';
import type { WatchPool } from './watch-pool.js';

/** A link count that no directory has: forces a listing at the next update. */
const UNLISTED = -1;
const WATCH_ATTEMPTS = 3;

/**
 * Updates what is known of the cgroup directories of all hierarchies, by examining single directories.
 *
 * The root and every cgroup with children is watched in all hierarchies, so that the kernel reports children that are created and removed. A
 * leaf is watched in one: whoever creates a cgroup below it normally does so in all hierarchies. A child created only
 * elsewhere is found by the leaf's link count (`TreeWatcher` knows when to look). That is a seventh of the watches, of
 * the memory and of the start-up time of watching all leaves everywhere.
 */
export class CgroupTree {
  private touched = new Set<CgroupNode>();
  /** Hierarchies in the order in which a leaf's watch is placed. */
  private readonly order: readonly number[];

  constructor(
    private readonly cgroups: KnownCgroups,
    hierarchies: Hierarchies,
    private readonly pool: WatchPool,
    private readonly clock: Clock,
    private readonly onEvent: (node: CgroupNode, type: string, name: string | null) => void,
  ) {
    // Removed memory cgroups are counted by the kernel while pages are charged to them: with leaves watched in that
    // hierarchy, its inaccurate count is not needed for them.
    const memory = hierarchies.mounts.findIndex(({ controllers }) => controllers.includes('memory'));
    this.order = [...cgroups.paths.keys()].sort((a, b) => Number(b === memory) - Number(a === memory) || a - b);
  }

  /** Updates one name in all hierarchies, and new cgroups below it. */
  update(name: string): void {
    if (name === '/') {
      for (let hierarchy = 0; hierarchy < this.cgroups.paths.length; hierarchy++)
        this.examine(this.cgroups.root, hierarchy);
      return;
    }
    const parent = this.cgroups.nodes.get(parentName(name));
    const base = name.slice(name.lastIndexOf('/') + 1);
    if (parent === undefined || base === '' || isUntracked(base)) return;
    const before = this.cgroups.nodes.get(name)?.inodes.slice();
    this.updateBelow(parent, base);
    const now = this.cgroups.nodes.get(name)?.inodes;
    if (before !== undefined && now !== undefined && isTorn(before, now)) this.updateBelow(parent, base);
  }

  /** Compares a known directory with the filesystem. @returns false when it is gone */
  examine(node: CgroupNode, hierarchy: number): boolean {
    const stats = inspect(this.cgroups.directory(node.name, hierarchy));
    if (stats === undefined) this.forget(node, hierarchy);
    else this.observe(node, hierarchy, stats);
    return stats !== undefined;
  }

  /** Makes the next `examine` of the directory list its children. @returns false when it already will */
  markUnlisted(node: CgroupNode, hierarchy: number): boolean {
    if (node.inodes[hierarchy] === 0 || node.links[hierarchy] === UNLISTED) return false;
    node.links[hierarchy] = UNLISTED;
    return true;
  }

  /** Reports a node although its directories are the same (its enabled controllers may differ). */
  touch(node: CgroupNode): void {
    this.touched.add(node);
  }

  /** The hierarchy in which a leaf is watched. @returns undefined when it is in none */
  watchedHierarchy(node: CgroupNode): number | undefined {
    const { order } = this;
    for (let i = 0; i < order.length; i++) if (node.inodes[order[i]!] !== 0) return order[i];
    return undefined;
  }

  /** Adds the missing watches of a node. */
  ensureWatches(node: CgroupNode): void {
    const lead = this.watchedHierarchy(node);
    for (const hierarchy of this.order) {
      for (let attempt = 0; attempt < WATCH_ATTEMPTS; attempt++) {
        const wanted = node.children.size > 0 || hierarchy === lead || node === this.cgroups.root;
        if (!wanted || node.inodes[hierarchy] === 0 || node.watches[hierarchy] !== undefined) break;
        if (!this.watch(node, hierarchy)) break;
      }
    }
  }

  /** Adds watches for new nodes. @returns the nodes that changed since the last call */
  settle(): CgroupNode[] {
    if (this.touched.size === 0) return [];
    // Adding watches may find more nodes; iterating over a set includes those that are added meanwhile.
    for (const node of this.touched) {
      if (!node.alive) continue;
      this.ensureWatches(node);
      if (node.parent !== undefined) this.ensureWatches(node.parent);
    }
    const nodes = [...this.touched];
    this.touched = new Set();
    return nodes;
  }

  close(): void {
    for (const node of this.cgroups.nodes.values()) {
      for (const hierarchy of this.cgroups.paths.keys()) unwatch(node, hierarchy);
    }
  }

  private updateBelow(parent: CgroupNode, base: string): void {
    for (let hierarchy = 0; hierarchy < this.cgroups.paths.length; hierarchy++) {
      if (parent.inodes[hierarchy] !== 0) this.examineChild(parent, base, hierarchy);
    }
  }

  private examineChild(parent: CgroupNode, base: string, hierarchy: number): void {
    const known = parent.children.get(base);
    if (known !== undefined) {
      this.examine(known, hierarchy);
      return;
    }
    const name = childName(parent.name, base);
    const stats = inspect(this.cgroups.directory(name, hierarchy));
    if (stats === undefined) return;
    const node = new CgroupNode(name, base, parent, this.cgroups.paths.length, this.clock.now());
    parent.addChild(node);
    this.cgroups.nodes.set(name, node);
    this.observe(node, hierarchy, stats);
  }

  private observe(node: CgroupNode, hierarchy: number, stats: Stats): void {
    if (stats.ino !== node.inodes[hierarchy]) {
      if (node.inodes[hierarchy] !== 0) this.forgetContents(node, hierarchy);
      else if (node !== this.cgroups.root) this.cgroups.counts[hierarchy]!++;
      node.inodes[hierarchy] = stats.ino;
      node.links[hierarchy] = EMPTY_DIRECTORY_LINKS;
      this.touched.add(node);
    }
    // Filesystems that do not count subdirectories give 1.
    const counted = stats.nlink >= EMPTY_DIRECTORY_LINKS;
    if (!counted || stats.nlink !== node.links[hierarchy]) this.list(node, hierarchy, stats.nlink);
  }

  private list(node: CgroupNode, hierarchy: number, links: number): void {
    const listed = listDirectories(this.cgroups.directory(node.name, hierarchy));
    if (listed === undefined) return;
    node.links[hierarchy] = links;
    for (const base of listed) this.examineChild(node, base, hierarchy);
    for (const child of node.children.values()) {
      if (child.inodes[hierarchy] !== 0 && !listed.has(child.base)) this.forget(child, hierarchy);
    }
  }

  private forget(node: CgroupNode, hierarchy: number): void {
    if (node.inodes[hierarchy] === 0) return;
    this.forgetContents(node, hierarchy);
    node.inodes[hierarchy] = 0;
    this.touched.add(node);
    if (node.parent === undefined) return;
    this.cgroups.counts[hierarchy]!--;
    if (node.inodes.some((inode) => inode !== 0)) return;
    node.alive = false;
    node.parent.removeChild(node);
    this.cgroups.nodes.delete(node.name);
  }

  private forgetContents(node: CgroupNode, hierarchy: number): void {
    unwatch(node, hierarchy);
    for (const child of node.children.values()) this.forget(child, hierarchy);
  }

  /** @returns false when there is no directory or no watch available */
  private watch(node: CgroupNode, hierarchy: number): boolean {
    const watch = this.pool.add(this.cgroups.directory(node.name, hierarchy), (type, name) =>
      this.onEvent(node, type, name),
    );
    if (watch === undefined) return false;
    node.watches[hierarchy] = watch;
    // Finds what was created before the watch was added.
    return this.examine(node, hierarchy);
  }
}

function unwatch(node: CgroupNode, hierarchy: number): void {
  node.watches[hierarchy]?.close();
  node.watches[hierarchy] = undefined;
}

/** @returns undefined when it is missing, not a directory or not accessible */
function inspect(path: string): Stats | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats?.isDirectory() ? stats : undefined;
  } catch {
    return undefined;
  }
}

/**
 * In the order in which containers are served, so that neighbors are sampled together.
 * @returns undefined when the directory cannot be read: it was removed, which its parent's watch reports
 */
function listDirectories(path: string): Set<string> | undefined {
  try {
    const names: string[] = [];
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory() && !isUntracked(entry.name)) names.push(entry.name);
    }
    return new Set(names.sort());
  } catch {
    return undefined;
  }
}
