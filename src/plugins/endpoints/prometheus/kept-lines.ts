import { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type { Family } from './families.js';

const FIRST_CAPACITY = 2048;
/** Kept for later answers; concurrent scrapes use more. */
const MAX_IDLE = 2;

interface Named {
  readonly name: string;
}

/** The lines of one family. */
interface FamilyLines {
  readonly index: number;
  readonly out: ByteWriter;
  /** Where the lines of each container begin, and after them where the last ones end. */
  starts: Uint32Array;
}

/**
 * Lines of an answer's containers, by family. What a container's lines are made of has a revision: while it is the same,
 * they are copied from the answer before, together with those of its neighbors. Once complete they are not written to,
 * so that answers may share them.
 */
export class KeptLines {
  /** How many answers, written or being written, read them. */
  users = 0;
  /** Those of the answer before, until these are complete. */
  before: KeptLines | undefined;
  /** By index of the family. */
  private readonly byIndex: (FamilyLines | undefined)[] = [];
  private readonly families: FamilyLines[] = [];
  /** How many containers may be added. */
  private maxCount = 0;
  private containers: Named[] = [];
  private revisions: number[] = [];
  /** Numbers of lines. */
  private counts: number[] = [];
  /** The container of the answer before that is expected next. */
  private next = 0;
  /** Containers of the answer before, added last, whose lines have not been copied: from, and up to. */
  private from = 0;
  private to = 0;

  /** Removes all lines. @param before complete; undefined: all lines have to be written */
  begin(before: KeptLines | undefined, maxCount: number): void {
    this.before = before;
    this.maxCount = maxCount;
    this.containers = [];
    this.revisions = [];
    this.counts = [];
    this.next = 0;
    this.from = 0;
    this.to = 0;
    for (const family of this.families) {
      family.out.length = 0;
      if (family.starts.length <= maxCount) family.starts = new Uint32Array(maxCount + 1);
    }
  }

  /**
   * Adds a container, in the order of their names.
   * @returns the number of its lines, or −1: they have to be written, followed by `wrote`
   */
  add(container: Named, revision: number): number {
    const { before } = this;
    const known = before === undefined ? -1 : this.placeIn(before.containers, container);
    const count = known >= 0 && before!.revisions[known] === revision ? before!.counts[known]! : -1;
    if (count < 0 || known !== this.to) {
      this.copy();
      this.from = known;
    }
    if (count < 0) {
      this.to = this.from;
      this.markStarts();
    } else this.to = known + 1;
    this.containers.push(container);
    this.revisions.push(revision);
    this.counts.push(count);
    return count;
  }

  /** All lines of the container that was added last have been written. */
  wrote(count: number): void {
    this.counts[this.counts.length - 1] = count;
  }

  writer({ index }: Family): ByteWriter {
    return (this.byIndex[index] ?? this.addFamily(index)).out;
  }

  /** All containers have been added. @returns the lines of the answer before, if these are the same */
  completed(): KeptLines {
    const { before, from, to } = this;
    const { length } = this.containers;
    const isSame = before !== undefined && from === 0 && to === length && length === before.containers.length;
    if (!isSame) {
      this.copy();
      this.markStarts();
    }
    this.before = undefined;
    return isSame ? before : this;
  }

  of({ index }: Family): Buffer | undefined {
    const out = this.byIndex[index]?.out;
    return out === undefined || out.length === 0 ? undefined : out.buffer.subarray(0, out.length);
  }

  /** Finds a container among those of the answer before, as both are in the same order. @returns −1 when it is new */
  private placeIn(containers: readonly Named[], container: Named): number {
    let at = this.next;
    while (at < containers.length && containers[at] !== container && containers[at]!.name < container.name) at++;
    const isThere = containers[at] === container;
    this.next = isThere ? at + 1 : at;
    return isThere ? at : -1;
  }

  private copy(): void {
    const { before, from, to } = this;
    if (from === to) return;
    for (const { index } of before!.families) if (this.byIndex[index] === undefined) this.addFamily(index);
    const place = this.containers.length - (to - from);
    for (const { index, out, starts } of this.families) {
      const source = before!.byIndex[index];
      if (source === undefined) {
        starts.fill(out.length, place, this.containers.length);
        continue;
      }
      const shift = out.length - source.starts[from]!;
      for (let i = from; i < to; i++) starts[place + i - from] = source.starts[i]! + shift;
      out.bytes(source.out.buffer.subarray(source.starts[from], source.starts[to]));
    }
  }

  private markStarts(): void {
    const place = this.containers.length;
    for (const { starts, out } of this.families) starts[place] = out.length;
  }

  private addFamily(index: number): FamilyLines {
    while (this.byIndex.length <= index) this.byIndex.push(undefined);
    const family = { index, out: new ByteWriter(FIRST_CAPACITY), starts: new Uint32Array(this.maxCount + 1) };
    this.byIndex[index] = family;
    this.families.push(family);
    return family;
  }
}

/** The lines of the last answer about all containers, for the next one. */
export class LineStore {
  private latest: KeptLines | undefined;
  private readonly idle: KeptLines[] = [];

  /** @param isWhole whether the answer is about all containers @param maxCount how many containers it may have */
  begin(isWhole: boolean, maxCount: number): KeptLines {
    const lines = this.idle.pop() ?? new KeptLines();
    const before = isWhole ? this.latest : undefined;
    lines.begin(before, maxCount);
    lines.users = 1;
    if (before !== undefined) before.users++;
    return lines;
  }

  /** All containers have been added. @returns the lines to be sent, and then to be released */
  complete(lines: KeptLines, isWhole: boolean): KeptLines {
    const { before } = lines;
    const completed = lines.completed();
    // If these are the lines before, the answer has begun to use them already.
    const unused = completed === lines ? before : lines;
    if (unused !== undefined) this.release(unused);
    if (isWhole && completed !== this.latest) {
      if (this.latest !== undefined) this.release(this.latest);
      completed.users++;
      this.latest = completed;
    }
    return completed;
  }

  /** An answer does not need them any more. */
  release(lines: KeptLines): void {
    lines.users--;
    if (lines.users === 0 && this.idle.length < MAX_IDLE) this.idle.push(lines);
  }
}
