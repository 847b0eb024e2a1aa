import { statfs } from 'node:fs';
import type { FilesystemUsage, HostPaths } from '../contracts/index.js';
import { hostFile } from './host-paths.js';

const MAX_AGE_MS = 1000;
/** A filesystem whose answer is this late (a dead network or FUSE server) has no usage until it answers. */
const HUNG_MS = 30_000;
/** How long a caller that waits for a first answer waits. */
const PATIENCE_MS = 2000;

interface Entry {
  usage: FilesystemUsage | undefined;
  askedAt: number;
  pending: Promise<void> | undefined;
  wanted: boolean;
}

/**
 * Usage of mounted filesystems, asked for in the background. A filesystem that does not answer is not asked again
 * before it does, so it holds up one thread of the pool at most, and never a caller.
 */
export class UsageTable {
  private readonly paths: HostPaths;
  private readonly monotonic: () => number;
  private readonly entries = new Map<string, Entry>();

  constructor(paths: HostPaths, monotonic: () => number) {
    this.paths = paths;
    this.monotonic = monotonic;
  }

  /** The last answer, at most a second old when asked for steadily; `undefined` without one. */
  usage(mountpoint: string): FilesystemUsage | undefined {
    const now = this.monotonic();
    const entry = this.entry(mountpoint);
    entry.wanted = true;
    if (entry.pending === undefined && now - entry.askedAt >= MAX_AGE_MS) this.ask(mountpoint, entry);
    const hung = entry.pending !== undefined && now - entry.askedAt > HUNG_MS;
    return hung ? undefined : entry.usage;
  }

  /** Waits for an answer not older than a second, but not for one that does not come. */
  async current(mountpoint: string): Promise<FilesystemUsage | undefined> {
    this.usage(mountpoint);
    const { pending } = this.entry(mountpoint);
    if (pending !== undefined) {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, PATIENCE_MS);
      });
      await Promise.race([pending, patience]);
      clearTimeout(timer);
    }
    return this.usage(mountpoint);
  }

  /** Forgets the filesystems that nobody asked for since the last call. */
  forgetUnused(): void {
    for (const [mountpoint, entry] of this.entries) {
      if (!entry.wanted && entry.pending === undefined) this.entries.delete(mountpoint);
      entry.wanted = false;
    }
  }

  private entry(mountpoint: string): Entry {
    let entry = this.entries.get(mountpoint);
    if (entry === undefined) {
      entry = { usage: undefined, askedAt: Number.NEGATIVE_INFINITY, pending: undefined, wanted: true };
      this.entries.set(mountpoint, entry);
    }
    return entry;
  }

  private ask(mountpoint: string, entry: Entry): void {
    entry.askedAt = this.monotonic();
    entry.pending = new Promise((resolve) => {
      statfs(hostFile(this.paths, mountpoint), (error, stats) => {
        entry.pending = undefined;
        entry.usage = error === null ? usageOf(stats) : undefined;
        resolve();
      });
    });
  }
}

function usageOf(stats: {
  bsize: number;
  blocks: number;
  bfree: number;
  bavail: number;
  files: number;
  ffree: number;
}) {
  return {
    capacity: stats.bsize * stats.blocks,
    free: stats.bsize * stats.bfree,
    available: stats.bsize * stats.bavail,
    inodes: stats.files,
    inodesFree: stats.ffree,
  };
}
