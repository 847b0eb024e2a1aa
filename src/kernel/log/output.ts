import { writeSync } from 'node:fs';
import { codeOf, messageOf } from '../contracts/index.js';

/** Retries of a write to a full pipe. */
const MAX_RETRIES = 5;
const RETRY_DELAY_MS = 10;
const STDERR = 2;

/** Standard error in non-blocking mode: a pipe or socket without a reader must not block the agent. */
export function standardError(): LineOutput {
  // Accessing the stream switches the descriptor to non-blocking mode.
  void process.stderr;
  return new LineOutput(STDERR);
}

/**
 * Writes whole lines to a descriptor. Never throws: the caller counts lines that cannot be written. Synchronous, so that
 * the last lines of a process are written before it ends.
 */
export class LineOutput {
  /** Why the last write failed; `undefined` after success. */
  failure: string | undefined;
  /** The last line was written partially; the next one must begin on a new line. */
  private isTruncated = false;

  constructor(
    private readonly descriptor: number,
    private readonly put: (descriptor: number, bytes: Buffer) => number = writeSync,
  ) {}

  /** @returns whether all of it was written */
  write(text: string): boolean {
    const bytes = Buffer.from(this.isTruncated ? `\n${text}` : text);
    let written = 0;
    try {
      while (written < bytes.length) written += this.writeSome(bytes.subarray(written));
      this.isTruncated = false;
      this.failure = undefined;
      return true;
    } catch (error) {
      if (written > 0) this.isTruncated = true;
      this.failure = messageOf(error);
      return false;
    }
  }

  /** Waits briefly for a full pipe, but only once while it stays full, not for every line. */
  private writeSome(bytes: Buffer): number {
    for (let tries = 0; ; tries++) {
      try {
        return this.put(this.descriptor, bytes);
      } catch (error) {
        const isBusy = codeOf(error) === 'EAGAIN' && this.failure === undefined && tries < MAX_RETRIES;
        if (!isBusy && codeOf(error) !== 'EINTR') throw error;
        if (isBusy) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_DELAY_MS);
      }
    }
  }
}
