import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Column, codeOf, isGone, type ProbeTarget, type RowWriter } from '../../../kernel/contracts/index.js';
import type { Part, PartOutcome } from '../common/index.js';
import { processFields as fields } from './fields.js';

/** Open files of some processes; NaN when they may not be looked at. */
export interface DescriptorCounts {
  files: number;
  sockets: number;
}

/** Counts the entries of the `fd` directories of processes below `proc`. Processes that end meanwhile are left out. */
export function countDescriptors(proc: string, pids: readonly number[]): DescriptorCounts {
  const counts: DescriptorCounts = { files: 0, sockets: 0 };
  for (const pid of pids) {
    const directory = join(proc, String(pid), 'fd');
    try {
      for (const entry of readdirSync(directory)) {
        counts.files++;
        counts.sockets += socketsAt(join(directory, entry));
      }
    } catch (error) {
      // A sum without some of the processes would look like the whole.
      if (!isGone(codeOf(error))) return { files: Number.NaN, sockets: Number.NaN };
    }
  }
  return counts;
}

/** 1 for a socket, 0 for anything else; NaN when it may not be looked at: open files may be counted all the same. */
function socketsAt(path: string): number {
  try {
    return readlinkSync(path).startsWith('socket') ? 1 : 0;
  } catch (error) {
    return isGone(codeOf(error)) ? 0 : Number.NaN;
  }
}

/** What a part that looks into `/proc/<pid>` needs. */
export interface DescriptorOptions {
  readonly proc: string;
  readonly monotonic: () => number;
  /** ms between two counts of open files */
  readonly interval: number;
}

/** Number of processes at each sample, of their open files now and then: that takes a system call per open file. */
export class ProcessPart implements Part {
  readonly columns: readonly Column[] = [
    { field: fields.processCount },
    { field: fields.fdCount },
    { field: fields.socketCount },
  ];
  private counts: DescriptorCounts = { files: Number.NaN, sockets: Number.NaN };
  private countedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly target: ProbeTarget,
    private readonly options: DescriptorOptions,
  ) {}

  sample(row: RowWriter, base: number): PartOutcome {
    const { interval, monotonic, proc } = this.options;
    const pids = this.target.cgroup.pids();
    const now = monotonic();
    if (now - this.countedAt >= interval) {
      this.countedAt = now;
      this.counts = countDescriptors(proc, pids);
    }
    row.set(base, pids.length);
    row.set(base + 1, this.counts.files);
    row.set(base + 2, this.counts.sockets);
    return 'ok';
  }

  close(): void {}
}
