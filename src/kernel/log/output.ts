import { writeSync } from 'node:fs';
import { codeOf, messageOf } from '../contracts/index.js';

/** How often a reader that is behind is waited for, and how long each time, ms. */
const PATIENCE = 5;
const MOMENT = 10;
const STDERR = 2;

/** Standard error, for a log that must not stop who writes it: a pipe or socket that nobody reads is full, not waited for. */
export function standardError(): LineOutput {
  // To look at the stream makes what it leads to non-blocking.
  void process.stderr;
  return new LineOutput(STDERR);
}

/**
 * Writes whole lines to a descriptor, whatever becomes of them: what cannot be written is for the caller to count, and
 * no reason to throw. Synchronous, so that the last words of a process that ends are written.
 */
export class LineOutput {
  /** Why the last write failed; `undefined`: it did not. */
  failure: string | undefined;
  /** A line was cut short; the next one must not go on where it ended. */
  private torn = false;

  constructor(
    private readonly descriptor: number,
    private readonly put: (descriptor: number, bytes: Buffer) => number = writeSync,
  ) {}

  /** @returns whether all of it was written */
  write(text: string): boolean {
    const bytes = Buffer.from(this.torn ? `\n${text}` : text);
    let written = 0;
    try {
      while (written < bytes.length) written += this.writeSome(bytes.subarray(written));
      this.torn = false;
      this.failure = undefined;
      return true;
    } catch (error) {
      if (written > 0) this.torn = true;
      this.failure = messageOf(error);
      return false;
    }
  }

  /** A pipe may be full for a moment. One that stays full is waited for once, and not with every line. */
  private writeSome(bytes: Buffer): number {
    for (let tries = 0; ; tries++) {
      try {
        return this.put(this.descriptor, bytes);
      } catch (error) {
        const isBusy = codeOf(error) === 'EAGAIN' && this.failure === undefined && tries < PATIENCE;
        if (!isBusy && codeOf(error) !== 'EINTR') throw error;
        if (isBusy) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, MOMENT);
      }
    }
  }
}
