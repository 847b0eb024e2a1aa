import { readSync } from 'node:fs';

const START_BYTES = 64 * 1024;
/** A file that grows without end while it is read is cut here. */
const MAX_BYTES = 64 * 1024 * 1024;
/**
 * A seq_file hands out one page at most per read and never splits a record, so a read that leaves more than this of the
 * page free has reached the end: no record of the files read here is as long.
 */
const PAGE_BYTES = 4096;
const LONGEST_RECORD = 512;

/** The one buffer that kernel files are read into. It grows to the largest file. */
export class ReadBuffer {
  bytes = Buffer.allocUnsafeSlow(START_BYTES);

  /**
   * Reads an open file from its start.
   * @returns the number of bytes in `bytes`
   * @throws the system error of `read(2)`
   */
  fill(descriptor: number): number {
    const count = readSync(descriptor, this.bytes, 0, this.bytes.length, 0);
    return count < PAGE_BYTES - LONGEST_RECORD ? count : this.rest(descriptor, count);
  }

  /** The same for a file whose records may be longer than 512 bytes (`mountinfo`) or that is no kernel file. */
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
