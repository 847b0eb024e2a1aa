import { kindOf } from './recently-told.js';

/** How much may be logged in a minute. `0`: as much as there is. */
export interface LogLimits {
  /** Lines of one part of the agent that differ in numbers and ids only. */
  readonly alike: number;
  /** Lines of one part of the agent. */
  readonly perPart: number;
}

/** Lines that were left out: how many, and one of them. */
export interface LeftOut {
  readonly part: string;
  readonly count: number;
  /** What the lines had in common; absent: nothing, the part said too much altogether. */
  readonly alike?: string;
}

interface Tally {
  readonly part: string;
  readonly alike?: string;
  admitted: number;
  leftOut: number;
}

const MINUTE = 60_000;
/** Kinds of lines that are told apart in a minute; further ones count against their part alone. */
const MAX_KINDS = 2_000;

/** Counts lines per minute, and lets through as many as may be written. */
export class LineLimiter {
  /** Lines left out since the start. */
  leftOut = 0;
  private tallies = new Map<string, Tally>();
  private minuteEnds = 0;

  constructor(
    private limits: LogLimits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  change(limits: LogLimits): void {
    this.limits = limits;
  }

  /** Whether a line may be written now. */
  admits(part: string, message: string): boolean {
    const { alike, perPart } = this.limits;
    const all = this.tally(part, { part });
    const kind = kindOf(message);
    const same = this.tallies.size < MAX_KINDS ? this.tally(`${part}\n${kind}`, { part, alike: message }) : all;
    const full = isFull(same, alike) && same !== all ? same : isFull(all, perPart) ? all : undefined;
    if (full !== undefined) {
      full.leftOut++;
      this.leftOut++;
      return false;
    }
    all.admitted++;
    if (same !== all) same.admitted++;
    return true;
  }

  /** Milliseconds until the minute is over; at most 0 when it is. */
  get remaining(): number {
    return this.minuteEnds - this.now();
  }

  /** Begins another minute. @returns what was left out in the one before */
  turn(): LeftOut[] {
    const left = [...this.tallies.values()].filter(({ leftOut }) => leftOut > 0);
    this.tallies = new Map();
    this.minuteEnds = this.now() + MINUTE;
    return left.map(({ part, leftOut, alike }) => ({ part, count: leftOut, ...(alike !== undefined && { alike }) }));
  }

  private tally(key: string, what: Pick<Tally, 'part' | 'alike'>): Tally {
    let tally = this.tallies.get(key);
    if (tally === undefined) {
      tally = { ...what, admitted: 0, leftOut: 0 };
      this.tallies.set(key, tally);
    }
    return tally;
  }
}

function isFull({ admitted }: Tally, limit: number): boolean {
  return limit > 0 && admitted >= limit;
}
