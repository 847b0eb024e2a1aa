import { join } from 'node:path';
import { type DiskCounters, type HostPaths, readText } from '../contracts/index.js';

const MAX_AGE_MS = 1000;

/** Counters by `major:minor` from the text of `/proc/diskstats`; malformed lines are skipped. */
export function parseDiskstats(text: string): Map<string, DiskCounters> {
  const disks = new Map<string, DiskCounters>();
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    const counters = words.slice(3, 14).map(Number);
    const device = `${words[0]}:${words[1]}`;
    if (counters.length < 11 || !counters.every(isCount) || !/^\d+:\d+$/.test(device)) continue;
    disks.set(device, {
      reads_completed: counters[0]!,
      reads_merged: counters[1]!,
      sectors_read: counters[2]!,
      read_time: counters[3]!,
      writes_completed: counters[4]!,
      writes_merged: counters[5]!,
      sectors_written: counters[6]!,
      write_time: counters[7]!,
      io_in_progress: counters[8]!,
      io_time: counters[9]!,
      weighted_io_time: counters[10]!,
    });
  }
  return disks;
}

function isCount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

/** `/proc/diskstats`, read at most once per second. */
export class DiskTable {
  private readAt = Number.NEGATIVE_INFINITY;
  private disks: ReadonlyMap<string, DiskCounters> = new Map();

  /** @param monotonic a monotonic clock in ms */
  constructor(
    private readonly paths: HostPaths,
    private readonly monotonic: () => number,
  ) {}

  counters(): ReadonlyMap<string, DiskCounters> {
    const now = this.monotonic();
    if (now - this.readAt >= MAX_AGE_MS) {
      this.readAt = now;
      this.disks = parseDiskstats(readText(join(this.paths.proc, 'diskstats')) ?? '');
    }
    return this.disks;
  }
}
