import { readFileSync } from 'node:fs';

/** The wait is looked at this often at most, ms: by so much a call may be excused for what was before it. */
const MARK_EVERY = 100;

/** ms that the main thread could have run and did not, since it began; 0 where the kernel does not count it. */
function readWait(): number {
  try {
    const [, wait] = readFileSync('/proc/self/schedstat', 'latin1').split(' ');
    return Number(wait) / 1e6 || 0;
  } catch {
    return 0;
  }
}

/**
 * Knows for how long the main thread waited for a CPU: a host or a quota that gives it none is no fault of the call that
 * runs meanwhile.
 */
export class RunQueue {
  private markedAt = Number.NEGATIVE_INFINITY;
  private wait: number;

  constructor(private readonly read: () => number = readWait) {
    this.wait = read();
  }

  /** To be called often, between what is judged. @param now monotonic ms */
  mark(now: number): void {
    if (now - this.markedAt < MARK_EVERY) return;
    this.markedAt = now;
    this.wait = this.read();
  }

  /** ms waited since the last mark. */
  waited(): number {
    return this.read() - this.wait;
  }
}
