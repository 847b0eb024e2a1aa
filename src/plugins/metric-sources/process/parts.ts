import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import {
  type CgroupFiles,
  type Column,
  codeOf,
  isGone,
  type KernelFile,
  type KernelValue,
  type ProbeTarget,
  type RowWriter,
} from '../../../kernel/contracts/index.js';
import { type ByteSource, type ContainerProcess, type Part, type PartOutcome, ValuePart } from '../common/index.js';
import { processFields as fields } from './fields.js';

/** Open files of some processes; NaN without permission. */
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
      // A sum without some of the processes would look complete.
      if (!isGone(codeOf(error))) return { files: Number.NaN, sockets: Number.NaN };
    }
  }
  return counts;
}

/** 1 for a socket, 0 for anything else; NaN without permission, with which files can still be counted. */
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

/** Counts processes at each sample, and their open files at an interval: that takes a system call per file. */
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

const OPEN_FILES = Buffer.from('Max open files');
const UNLIMITED = Buffer.from('unlimited');
const labels = ['max_open_files'];

/**
 * Moves to the numbers of the `Max open files` line of `/proc/<pid>/limits`.
 * @returns false when there is no such line
 */
export function findOpenFiles(scanner: ByteScanner): boolean {
  do {
    if (scanner.literal(OPEN_FILES)) return true;
  } while (scanner.nextLine());
  return false;
}

/** The limit at the position: −1 for none, NaN when there is no limit. */
export function readLimit(scanner: ByteScanner): number {
  scanner.skipSpaces();
  if (scanner.literal(UNLIMITED)) return -1;
  return scanner.integer() ? scanner.value : Number.NaN;
}

/** Limits of the container’s first process. */
export class LimitsPart implements Part {
  readonly columns: readonly Column[] = [
    { field: fields.ulimitSoft, labels },
    { field: fields.ulimitHard, labels },
  ];
  private readonly scanner = new ByteScanner();
  private readonly source: ByteSource;

  constructor(private readonly process: ContainerProcess) {
    this.source = process.file('limits');
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const { scanner, source } = this;
    const length = this.process.alive() ? source.read() : -1;
    if (length < 0) return 'derived';
    scanner.reset(source.buffer, length);
    if (!findOpenFiles(scanner)) return 'derived';
    row.set(base, readLimit(scanner));
    row.set(base + 1, readLimit(scanner));
    return 'derived';
  }

  close(): void {}
}

/** How `max` is read. */
const NO_LIMIT = 2 ** 64;

/** `pids.max`, 0 for no limit. */
class ThreadLimitPart implements Part {
  readonly columns: readonly Column[] = [{ field: fields.threadsMax }];

  constructor(private readonly file: KernelValue) {}

  sample(row: RowWriter, base: number): PartOutcome {
    const { file } = this;
    if (!file.read()) return isGone(file.failure) ? 'gone' : 'ok';
    row.set(base, file.value >= NO_LIMIT ? 0 : file.value);
    return 'ok';
  }

  close(): void {
    this.file.close();
  }
}

/** Number of lines of `cgroup.threads`, without the pids controller. */
class ThreadListPart implements Part {
  readonly columns: readonly Column[] = [{ field: fields.threadsCurrent }, { field: fields.threadsMax }];
  private readonly scanner = new ByteScanner();

  constructor(private readonly file: KernelFile) {}

  sample(row: RowWriter, base: number): PartOutcome {
    const { file, scanner } = this;
    const length = file.read();
    if (length < 0) return isGone(file.failure) ? 'gone' : 'ok';
    scanner.reset(file.buffer, length);
    let lines = 0;
    while (scanner.position < scanner.end) {
      lines++;
      scanner.nextLine();
    }
    row.set(base, lines);
    row.set(base + 1, 0);
    return 'ok';
  }

  close(): void {
    this.file.close();
  }
}

const THREADS: readonly [Column] = [{ field: fields.threadsCurrent }];

/** The number of threads of a container and its limit. */
export function threadParts(cgroup: CgroupFiles): Part[] {
  const current = cgroup.value('pids', 'pids.current');
  if (current === undefined) {
    const threads = cgroup.version === 2 ? cgroup.file('cpu', 'cgroup.threads') : undefined;
    return threads === undefined ? [] : [new ThreadListPart(threads)];
  }
  const limit = cgroup.value('pids', 'pids.max');
  const parts: Part[] = [new ValuePart(THREADS, current)];
  return limit === undefined ? parts : [...parts, new ThreadLimitPart(limit)];
}
