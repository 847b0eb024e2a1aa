import { posix } from 'node:path';
import type { Clock, KernelFile, ProbeTarget, RowWriter } from '../../../kernel/contracts/index.js';

/** The counts of a cgroup with others below it are read at most this often, ms. */
const CHECK_MS = 50;
/** While they move they are read ever more rarely, up to this, ms. */
const MAX_PAUSE_MS = 3_200;
/** A cgroup with fewer others below it is not worth asking. */
const MIN_BELOW = 4;

/**
 * The I/O counts of a cgroup, which include those of all cgroups below it: while they stand still, so do theirs, and one read
 * stands for those of all.
 */
class Counts {
  below = 0;
  private texts: Buffer[] = [];
  private version = 0;
  private pauseMs = CHECK_MS;
  private nextCheck = Number.NEGATIVE_INFINITY;
  private known = Number.NaN;

  constructor(
    readonly key: string,
    private readonly files: readonly (KernelFile | undefined)[],
  ) {}

  /** @returns a number that is another one when they have moved; NaN when that is unknown */
  at(monotonic: number): number {
    if (this.below < MIN_BELOW) return Number.NaN;
    if (monotonic < this.nextCheck) return this.known;
    if (this.haveMoved()) {
      this.version++;
      this.pauseMs = Math.min(this.pauseMs * 2, MAX_PAUSE_MS);
    } else {
      this.pauseMs = CHECK_MS;
    }
    this.nextCheck = monotonic + this.pauseMs;
    this.known = this.pauseMs === CHECK_MS ? this.version : Number.NaN;
    return this.known;
  }

  close(): void {
    for (const file of this.files) file?.close();
  }

  private haveMoved(): boolean {
    let hasMoved = false;
    for (const [index, file] of this.files.entries()) {
      const length = file?.read() ?? -1;
      const known = this.texts[index];
      if (file !== undefined && known?.length === length && known.compare(file.buffer, 0, length) === 0) continue;
      hasMoved = true;
      if (file !== undefined && length >= 0) this.texts[index] = Buffer.from(file.buffer.subarray(0, length));
    }
    return hasMoved;
  }
}

/** The counts of all cgroups that have others below them, by cgroup and files. */
export class CountsAbove {
  private readonly known = new Map<string, Counts>();

  constructor(private readonly clock: Clock) {}

  /**
   * Whether the counts of a container may be repeated, by those of the cgroup above it.
   * @param names the container's files, of which the cgroup above has its own; none: they do not tell
   */
  watch({ name, cgroup }: ProbeTarget, names: readonly string[]): StandingCounts {
    const parent = posix.dirname(name);
    // Something always does I/O somewhere on the machine.
    if (parent === '/' || names.includes('') || names.length === 0) return new StandingCounts(this);
    const key = `${parent} ${names}`;
    let counts = this.known.get(key);
    if (counts === undefined) {
      const files = names.map((file) => cgroup.file('blkio', `../${file}`));
      counts = new Counts(key, files);
      this.known.set(key, counts);
    }
    counts.below++;
    return new StandingCounts(this, counts);
  }

  /** To be called once for each that was watched. */
  release(counts: Counts): void {
    if (--counts.below > 0) return;
    counts.close();
    this.known.delete(counts.key);
  }

  /** @returns a number that is another one when the counts have moved; NaN when that is unknown */
  stateOf(counts: Counts): number {
    return counts.at(this.clock.monotonic());
  }
}

/** Whether a container's counts stand still. */
export class StandingCounts {
  private seen = Number.NaN;

  /** @param counts of the cgroup above; absent when they do not tell */
  constructor(
    private readonly above: CountsAbove,
    private readonly counts?: Counts,
  ) {}

  /**
   * To be called before each sample.
   * @returns whether the counts are those of the previous sample
   */
  standStill(row: RowWriter): boolean {
    if (this.counts === undefined) return false;
    const now = this.above.stateOf(this.counts);
    const stand = row.mayRepeat && now === this.seen;
    this.seen = now;
    return stand;
  }

  close(): void {
    if (this.counts !== undefined) this.above.release(this.counts);
  }
}
