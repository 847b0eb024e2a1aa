import { type StatsFs, statfs } from 'node:fs';
import type { FilesystemUsage, HostPaths } from '../contracts/index.js';
import { hostFile } from './host-paths.js';

/** A question wakes a thread of the pool and then the main thread, which costs more than all other files of the machine's sample. */
const MAX_AGE_MS = 5_000;
/** The same for callers that wait for the answer. */
const CURRENT_AGE_MS = 1_000;
/** A filesystem that has not answered for this long (dead network or FUSE server) has no usage until it answers. */
const HUNG_AFTER_MS = 30_000;
/** Nobody waits for an answer that is pending for longer. */
const MAX_WAIT_MS = 2000;

interface Entry {
  usage: FilesystemUsage | undefined;
  queriedAt: number;
  pending: Promise<void> | undefined;
  isRequested: boolean;
}

/**
 * Usage of mounted filesystems, queried in the background. A filesystem that does not answer is not queried again until it
 * does, so it blocks at most one thread of the pool and never a caller.
 */
export class UsageTable {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly paths: HostPaths,
    private readonly monotonic: () => number,
  ) {}

  /** The last answer, at most five seconds old when called regularly; `undefined` when there is none. */
  usage(mountpoint: string): FilesystemUsage | undefined {
    const entry = this.requested(mountpoint);
    this.queryIfOlder(mountpoint, entry, MAX_AGE_MS);
    return this.answerOf(entry);
  }

  /** Waits for an answer no older than a second, but not for a filesystem that hangs. */
  async current(mountpoint: string): Promise<FilesystemUsage | undefined> {
    const entry = this.requested(mountpoint);
    await this.renew(mountpoint, entry, CURRENT_AGE_MS);
    return this.answerOf(entry);
  }

  /** Waits until no answer is older, but not for a filesystem that hangs. @returns whether any was */
  async refresh(maxAgeMs: number): Promise<boolean> {
    const old = [...this.entries].filter(([, entry]) => this.isOlder(entry, maxAgeMs));
    await Promise.all(old.map(([mountpoint, entry]) => this.renew(mountpoint, entry, maxAgeMs)));
    return old.length > 0;
  }

  /** Removes the filesystems that were not requested since the last call. */
  removeUnused(): void {
    for (const [mountpoint, entry] of this.entries) {
      if (!entry.isRequested && entry.pending === undefined) this.entries.delete(mountpoint);
      entry.isRequested = false;
    }
  }

  private requested(mountpoint: string): Entry {
    let entry = this.entries.get(mountpoint);
    if (entry === undefined) {
      entry = { usage: undefined, queriedAt: Number.NEGATIVE_INFINITY, pending: undefined, isRequested: true };
      this.entries.set(mountpoint, entry);
    }
    entry.isRequested = true;
    return entry;
  }

  private answerOf({ usage, pending, queriedAt }: Entry): FilesystemUsage | undefined {
    const hangs = pending !== undefined && this.monotonic() - queriedAt > HUNG_AFTER_MS;
    return hangs ? undefined : usage;
  }

  private async renew(mountpoint: string, entry: Entry, maxAgeMs: number): Promise<void> {
    this.queryIfOlder(mountpoint, entry, maxAgeMs);
    const { pending, queriedAt } = entry;
    const wait = queriedAt + MAX_WAIT_MS - this.monotonic();
    if (pending === undefined || wait <= 0) return;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, wait);
    });
    await Promise.race([pending, limit]);
    clearTimeout(timer);
  }

  private queryIfOlder(mountpoint: string, entry: Entry, maxAgeMs: number): void {
    if (entry.pending === undefined && this.isOlder(entry, maxAgeMs)) this.query(mountpoint, entry);
  }

  private isOlder({ queriedAt }: Entry, maxAgeMs: number): boolean {
    return this.monotonic() - queriedAt >= maxAgeMs;
  }

  private query(mountpoint: string, entry: Entry): void {
    entry.queriedAt = this.monotonic();
    entry.pending = new Promise((resolve) => {
      statfs(hostFile(this.paths, mountpoint), (error, stats) => {
        entry.pending = undefined;
        entry.usage = error === null ? usageOf(stats) : undefined;
        resolve();
      });
    });
  }
}

function usageOf(stats: StatsFs): FilesystemUsage {
  return {
    capacity: stats.bsize * stats.blocks,
    free: stats.bsize * stats.bfree,
    available: stats.bsize * stats.bavail,
    inodes: stats.files,
    inodesFree: stats.ffree,
  };
}
