import type { CapsuleReason } from '../contracts/index.js';

const MINUTE_MS = 60_000;
/** A second reason within this time belongs to the same trouble: the capsule is written anew with both. */
const SAME_TROUBLE_MS = 10_000;
const MAX_REWRITES = 3;
/** A container that ends again and again gets no capsule for each end. */
const PAUSE_MS = 60_000;
/** So many bad ends within the time below are a loop. */
const LOOP_ENDS = 3;
const LOOP_MS = 600_000;
/** Containers that are remembered. */
const MAX_KNOWN = 5_000;

interface Known {
  /** Of its last capsule. */
  id: string;
  writtenAt: number;
  rewrites: number;
  reasons: readonly CapsuleReason[];
  ends: number[];
  loopAt: number;
}

/** A capsule that is to be written. */
export interface Permit {
  /** Of the capsule that this one replaces. */
  readonly replaces?: string;
  readonly reasons: readonly CapsuleReason[];
}

const isEnd = ({ kind }: CapsuleReason) => kind === 'exit' || kind === 'oom' || kind === 'ended-unseen';

/** Decides which troubles get a capsule, so that a storm of them costs little. */
export class Limiter {
  private readonly known = new Map<string, Known>();
  /** Monotonic ms of the capsules of the last minute. */
  private readonly written: number[] = [];

  constructor(private readonly maxPerMinute: () => number) {}

  /**
   * @param container its absolute name
   * @param now monotonic ms
   * @returns undefined when there is to be no capsule
   */
  ask(container: string, reason: CapsuleReason, now: number): Permit | undefined {
    const known = this.of(container);
    const isLoop = isEnd(reason) && this.isLoop(known, now);
    const reasons: CapsuleReason[] = isLoop
      ? [reason, { ...reason, kind: 'restart-loop', text: loopText(known) }]
      : [reason];
    const age = now - known.writtenAt;
    const isAsked = reason.kind === 'requested';
    if (age < SAME_TROUBLE_MS && known.rewrites < MAX_REWRITES && !isLoop && !isAsked) {
      if (known.reasons.some(({ kind }) => kind === reason.kind)) return undefined;
      known.rewrites++;
      known.reasons = [...known.reasons, ...reasons];
      return { replaces: known.id, reasons: known.reasons };
    }
    if (age < PAUSE_MS && !isLoop && !isAsked) return undefined;
    while (this.written[0] !== undefined && now - this.written[0] >= MINUTE_MS) this.written.shift();
    if (this.written.length >= this.maxPerMinute()) return undefined;
    this.written.push(now);
    known.reasons = reasons;
    known.writtenAt = now;
    known.rewrites = 0;
    return { reasons };
  }

  /** The capsule that was permitted last got this id. */
  named(container: string, id: string): void {
    this.of(container).id = id;
  }

  private of(container: string): Known {
    let known = this.known.get(container);
    if (known === undefined) {
      if (this.known.size >= MAX_KNOWN) this.known.delete(this.known.keys().next().value!);
      const never = Number.NEGATIVE_INFINITY;
      known = { id: '', writtenAt: never, rewrites: 0, reasons: [], ends: [], loopAt: never };
      this.known.set(container, known);
    }
    return known;
  }

  private isLoop(known: Known, now: number): boolean {
    known.ends = [...known.ends.filter((end) => now - end < LOOP_MS), now].slice(-LOOP_ENDS);
    if (known.ends.length < LOOP_ENDS || now - known.loopAt < LOOP_MS) return false;
    known.loopAt = now;
    return true;
  }
}

function loopText({ ends }: Known): string {
  return `ended badly ${ends.length} times within ${Math.ceil((ends.at(-1)! - ends[0]!) / 1000)} s`;
}
