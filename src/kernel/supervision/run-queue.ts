import { closeSync, openSync, readSync } from 'node:fs';

/** Minimum interval of reads, ms. A call may be credited with waiting that happened up to this long before it. */
const MARK_INTERVAL_MS = 100;

const buffer = Buffer.alloc(128);

/**
 * Time in ms that the main thread was runnable but had no CPU; 0 where the kernel does not count it. Read up to ten times
 * a second: `readFileSync` makes two system calls more.
 */
function readWait(): number {
  let descriptor = -1;
  try {
    descriptor = openSync('/proc/self/schedstat', 'r');
    const length = readSync(descriptor, buffer, 0, buffer.length, 0);
    return Number(buffer.toString('latin1', 0, length).split(' ')[1]) / 1e6 || 0;
  } catch {
    return 0;
  } finally {
    if (descriptor >= 0) closeSync(descriptor);
  }
}

/**
 * Measures how long the main thread waited for a CPU. An overloaded host or a used-up quota is not the fault of the call
 * that runs meanwhile.
 */
export class RunQueue {
  private markedAt = Number.NEGATIVE_INFINITY;
  private wait: number;

  constructor(private readonly read: () => number = readWait) {
    this.wait = read();
  }

  /** Starts a new measurement; call it often, between calls. @param now monotonic ms */
  mark(now: number): void {
    if (now - this.markedAt < MARK_INTERVAL_MS) return;
    this.markedAt = now;
    this.wait = this.read();
  }

  /** Time waited since the last mark. ms */
  waitedMs(): number {
    return this.read() - this.wait;
  }
}
