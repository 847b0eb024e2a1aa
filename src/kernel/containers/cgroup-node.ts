import type { Controller } from '../contracts/index.js';

/** The mounted cgroup hierarchies to follow: several on cgroup v1 (also hybrid), one on v2. */
export interface Hierarchies {
  readonly version: 1 | 2;
  readonly mounts: readonly { readonly controllers: readonly Controller[]; readonly path: string }[];
}

export interface DirectoryWatch {
  close(): void;
}

/** One cgroup: the directories of one name in all hierarchies. Arrays are indexed by hierarchy. */
export class CgroupNode {
  /** Most cgroups have none. */
  private ownChildren: Map<string, CgroupNode> | undefined;
  /** Inode number of the directory; 0 where there is none. */
  readonly inodes: number[];
  /** The directory's link count when it was last listed: 2 and one for each directory in it. */
  readonly links: number[];
  readonly watches: (DirectoryWatch | undefined)[];
  /** False once the last directory is gone; a later cgroup of the same name is another node. */
  alive = true;

  constructor(
    readonly name: string,
    /** Last component of the name; empty for the root. */
    readonly base: string,
    readonly parent: CgroupNode | undefined,
    hierarchies: number,
    /** µs since the epoch */
    public firstSeenAt: number,
  ) {
    this.inodes = new Array<number>(hierarchies).fill(0);
    this.links = new Array<number>(hierarchies).fill(EMPTY_DIRECTORY_LINKS);
    this.watches = new Array<DirectoryWatch | undefined>(hierarchies).fill(undefined);
  }

  get children(): ReadonlyMap<string, CgroupNode> {
    return this.ownChildren ?? NO_CHILDREN;
  }

  addChild(node: CgroupNode): void {
    this.ownChildren ??= new Map();
    this.ownChildren.set(node.base, node);
  }

  removeChild({ base }: CgroupNode): void {
    this.ownChildren?.delete(base);
    if (this.ownChildren?.size === 0) this.ownChildren = undefined;
  }
}

const NO_CHILDREN: ReadonlyMap<string, CgroupNode> = new Map();

/** Link count of a directory without subdirectories. */
export const EMPTY_DIRECTORY_LINKS = 2;

/** systemd's mount units are cgroups without processes of their own: neither tracked nor watched. */
export function isUntracked(base: string): boolean {
  return base.endsWith('.mount');
}

export function childName(parent: string, base: string): string {
  return parent === '/' ? `/${base}` : `${parent}/${base}`;
}

/** The parent's name of any name but `/`. */
export function parentName(name: string): string {
  const slash = name.lastIndexOf('/');
  return slash <= 0 ? '/' : name.slice(0, slash);
}

/** Whether all directories were replaced, so that the cgroup is a new one. */
export function isReplaced(before: readonly number[], now: readonly number[]): boolean {
  return before.some((inode) => inode !== 0) && !before.some((inode, index) => inode !== 0 && inode === now[index]);
}

/** Whether only some directories were replaced, as during a re-creation. */
export function isTorn(before: readonly number[], now: readonly number[]): boolean {
  const replaced = before.some((inode, index) => inode !== 0 && now[index] !== 0 && inode !== now[index]);
  return replaced && !isReplaced(before, now);
}
