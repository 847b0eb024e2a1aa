import { readSync } from 'node:fs';

const INITIAL_BYTES = 64 * 1024;
/** A file that keeps growing while it is read is truncated at this size. */
const MAX_BYTES = 64 * 1024 * 1024;
/**
 * A seq_file returns at most one page per read and never splits a record. A read that leaves more than this much of the
 * page free has therefore reached the end: no record of the files read here is longer.
 */
const PAGE_BYTES = 4096;
const MAX_RECORD_BYTES = 512;

/** The shared buffer for reading kernel files. It grows to the size of the largest file. */
export class ReadBuffer {
  bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);

  /**
   * Reads an open file from its start.
   * @returns the number of bytes in `bytes`
   * @throws the system error of `read(2)`
   */
  fill(descriptor: number): number {
    const count = readSync(descriptor, this.bytes, 0, this.bytes.length, 0);
    return count < PAGE_BYTES - MAX_RECORD_BYTES ? count : this.rest(descriptor, count);
  }

  /** Like `fill`, for a regular file or one with records longer than 512 bytes (`mountinfo`). */
  fillToEnd(descriptor: number): number {
    return this.rest(descriptor, 0);
  }

  private rest(descriptor: number, start: number): number {
    let length = start;
    while (length < MAX_BYTES) {
      if (length === this.bytes.length) this.grow();
      const count = readSync(descriptor, this.bytes, length, this.bytes.length - length, length);
      if (count === 0) break;
      length += count;
    }
    return length;
  }

  private grow(): void {
    const grown = Buffer.allocUnsafeSlow(this.bytes.length * 2);
    this.bytes.copy(grown);
    this.bytes = grown;
  }
}
