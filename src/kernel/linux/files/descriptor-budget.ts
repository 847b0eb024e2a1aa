import { close, closeSync, open, openSync } from 'node:fs';
import { ByteScanner } from '../../contracts/bytes/index.js';
import { readText } from '../../contracts/index.js';
import type { CommonTimer } from '../../timing/index.js';
import { KeyedShape } from './keyed-shape.js';
import { ReadBuffer } from './read-buffer.js';

/** Descriptors reserved for sockets, watches, modules and one-off reads. */
const RESERVE = 256;
const UNLIMITED = 1_048_576;
/** Descriptors released at once when the process has run out of them. */
const RELEASED_AT_ONCE = 32;
/** Size of a process's first table of descriptors. */
const FIRST_TABLE = 256;
/** Descriptors that are opened to enlarge the table, to 2048 with those that are open anyway: more cost more than they save. */
const MAX_OPENED_AHEAD = 1024;
/** A file that was read within this many rounds is read often; one that was not read for longer than `RARE_ROUNDS`, rarely. */
const OFTEN_ROUNDS = 2;
const RARE_ROUNDS = 5;
/** Kept files that are looked at for one that is read rarely, per file that wants its descriptor. */
const MAX_LOOKED_AT = 8;
/** A kernel lacks a handful of the files that are looked for. */
const MAX_ABSENT_NAMES = 32;

/** A file that has a descriptor of the budget. */
export interface DescriptorHolder {
  /** Its place among the holders; kept by the budget. */
  place: number;
  /** The round of the budget in which it was last read. */
  readRound: number;
  /** Closes its descriptor: another file is read more often. */
  giveUp(): void;
}

/**
 * Limits how many kernel files are kept open. A file beyond the budget is opened, read and closed at each read, and takes
 * a descriptor as soon as one becomes free, or from a file that is read rarely if it is read often itself: opening costs
 * the same for all files. The whole agent shares one budget and its read buffer.
 */
export class DescriptorBudget {
  /** The buffer that every file of this budget is read into. */
  readonly scratch = new ReadBuffer();
  readonly scanner = new ByteScanner();
  private readonly shapes = new WeakMap<readonly string[], KeyedShape>();
  /** Maximum number of kept descriptors. Lowered when the system runs out of descriptors. */
  limit: number;
  /** No more than this are kept, whatever the system allows. */
  private ceiling = Number.POSITIVE_INFINITY;
  /** How often the system refused a descriptor. */
  refusals = 0;
  /** Counts the time in rounds of two seconds. */
  round = 0;
  /** Names of files that the cgroup did not have in which they were looked for last. */
  readonly absentNames = new Set<string>();
  private readonly holders: DescriptorHolder[] = [];
  /** The holder that is looked at next. */
  private hand = 0;
  /** Files opened, read and closed at each read, because the budget is used up. */
  reopened = 0;

  constructor(limit: number) {
    this.limit = Math.max(0, Math.floor(limit));
  }

  /**
   * The budget of this process: its hard limit (Node raises the soft one to it at start), less a reserve of 256
   * or, below 512, of half.
   * @param limits text of `/proc/self/limits`
   */
  static fromLimits(limits: string): DescriptorBudget {
    return new DescriptorBudget(allowance(limits, 'hard'));
  }

  /** State shared by files with the same list of keys. */
  shapeOf(keys: readonly string[]): KeyedShape {
    const shape = this.shapes.get(keys) ?? new KeyedShape(keys);
    this.shapes.set(keys, shape);
    return shape;
  }

  /** Current usage, for status and diagnostics. */
  use(): { readonly kept: number; readonly limit: number; readonly reopened: number } {
    const { kept, allowed: limit, reopened } = this;
    return { kept, limit, reopened };
  }

  /**
   * Prepares for this many files. The kernel doubles a process's table of descriptors whenever it is full; the thread that
   * opens a file then waits for all CPUs, about 10 ms. Threads of the pool do that here, while the caller works on.
   */
  expect(files: number): void {
    if (files < FIRST_TABLE) return;
    for (let left = Math.min(files, this.allowed / 2, MAX_OPENED_AHEAD); left > 0; left--) {
      open('/dev/null', 'r', (error, descriptor) => {
        if (error === null) close(descriptor);
      });
    }
  }

  /** Limits the descriptors of the whole process to this number, of which a reserve is for other uses. */
  cap(descriptors = Number.POSITIVE_INFINITY): void {
    this.ceiling = descriptors - RESERVE;
  }

  private get allowed(): number {
    return Math.min(this.limit, this.ceiling);
  }

  get kept(): number {
    return this.holders.length;
  }

  /** Whether fewer descriptors may be kept than the process is allowed. */
  get isCapped(): boolean {
    return this.ceiling < this.limit;
  }

  /** Takes a descriptor. @returns false when there is none for this file */
  take(holder: DescriptorHolder): boolean {
    if (this.kept >= this.allowed && !this.takeFromRarelyRead(holder)) return false;
    holder.place = this.holders.length;
    this.holders.push(holder);
    return true;
  }

  rememberAbsent(name: string): void {
    if (this.absentNames.size < MAX_ABSENT_NAMES) this.absentNames.add(name);
  }

  release({ place }: DescriptorHolder): void {
    const last = this.holders.pop()!;
    if (place === this.holders.length) return;
    this.holders[place] = last;
    last.place = place;
  }

  private takeFromRarelyRead({ readRound }: DescriptorHolder): boolean {
    const { holders, round } = this;
    if (this.overdrawn || round - readRound > OFTEN_ROUNDS) return false;
    for (let looks = Math.min(MAX_LOOKED_AT, holders.length); looks > 0; looks--) {
      this.hand = (this.hand + 1) % holders.length;
      const candidate = holders[this.hand]!;
      if (round - candidate.readRound <= RARE_ROUNDS) continue;
      candidate.giveUp();
      return true;
    }
    return false;
  }

  /** True when more descriptors are kept than allowed: each file closes its own at its next read. */
  get overdrawn(): boolean {
    return this.kept > this.allowed;
  }

  /** Reports that the system refused a descriptor (`EMFILE`, `ENFILE`): fewer are kept from now on. */
  exhausted(): void {
    this.refusals++;
    this.limit = Math.max(0, Math.min(this.limit, this.kept - RELEASED_AT_ONCE));
  }
}

/** Descriptors that may be kept under a limit of the process. */
function allowance(limits: string, which: 'soft' | 'hard'): number {
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits) ?? [];
  const given = Number(which === 'soft' ? soft : hard);
  const open = Number.isInteger(given) ? given : UNLIMITED;
  return open - Math.min(RESERVE, Math.ceil(open / 2));
}

const CHECK_INTERVAL_MS = 2_000;
/** Successful checks in a row after which the budget grows again, by `GROWTH` descriptors. */
const CHECKS_BEFORE_GROWTH = 30;
const GROWTH = 256;

/**
 * Detects that the process has run out of descriptors and makes the budget release some. Nothing else reports it: Node
 * silently closes a connection that cannot be accepted.
 */
export class DescriptorMonitor {
  private successes = 0;
  private cancel: () => void = () => {};

  constructor(
    private readonly budget: DescriptorBudget,
    private readonly timer: Pick<CommonTimer, 'every'>,
    private readonly isFree: () => boolean = canOpen,
    private readonly limits: () => string = () => readText('/proc/self/limits') ?? '',
  ) {}

  start(): void {
    this.cancel = this.timer.every(CHECK_INTERVAL_MS, () => this.check());
  }

  stop(): void {
    this.cancel();
  }

  check(): void {
    this.budget.round++;
    if (!this.isFree()) {
      this.successes = 0;
      this.budget.exhausted();
      return;
    }
    if (++this.successes % CHECKS_BEFORE_GROWTH !== 0 || this.budget.refusals === 0) return;
    const allowed = allowance(this.limits(), 'soft');
    if (allowed > this.budget.limit) this.budget.limit = Math.min(allowed, this.budget.limit + GROWTH);
  }
}

function canOpen(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return true;
  } catch {
    return false;
  }
}
