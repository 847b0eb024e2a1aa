import { putVarint } from '../common/index.js';

/** Copies reach back no further than this, so that their offsets fit into two bytes. */
const BLOCK_BYTES = 65_536;
const HASH_BITS = 14;
const MIN_MATCH = 4;
const LONGEST_COPY = 64;

/** Compresses in Snappy's block format, reusing its buffer: remote write knows no other compression. */
export class SnappyCompressor {
  private readonly table = new Uint16Array(1 << HASH_BITS);
  private out = Buffer.alloc(0);
  private length = 0;

  /** @returns valid until the next call */
  compress(input: Uint8Array): Buffer {
    this.reserve(input.length);
    this.length = putVarint(this.out, 0, input.length);
    for (let start = 0; start < input.length; start += BLOCK_BYTES) {
      this.block(input, start, Math.min(start + BLOCK_BYTES, input.length));
    }
    return this.out.subarray(0, this.length);
  }

  /** Room for the worst case: nothing repeats. */
  private reserve(size: number): void {
    const worst = 32 + size + Math.ceil(size / 6);
    if (this.out.length < worst) this.out = Buffer.allocUnsafeSlow(worst);
  }

  private block(input: Uint8Array, start: number, end: number): void {
    const { table } = this;
    table.fill(0);
    let literal = start;
    let at = start + 1;
    const last = end - MIN_MATCH;
    let misses = 32;
    while (at <= last) {
      const hash = hashAt(input, at);
      const candidate = start + table[hash]!;
      table[hash] = at - start;
      if (candidate >= at || !isEqual(input, candidate, at)) {
        // What does not compress is passed over faster and faster.
        at += misses++ >> 5;
        continue;
      }
      misses = 32;
      if (literal < at) this.literal(input, literal, at);
      let length = MIN_MATCH;
      while (at + length < end && input[candidate + length] === input[at + length]) length++;
      this.copy(at - candidate, length);
      at += length;
      literal = at;
    }
    if (literal < end) this.literal(input, literal, end);
  }

  private literal(input: Uint8Array, from: number, to: number): void {
    const { out } = this;
    const rest = to - from - 1;
    if (rest < 60) out[this.length++] = rest << 2;
    else if (rest < 256) {
      out[this.length++] = 60 << 2;
      out[this.length++] = rest;
    } else {
      out[this.length++] = 61 << 2;
      out[this.length++] = rest & 0xff;
      out[this.length++] = rest >> 8;
    }
    if (to - from < 32) for (let i = from; i < to; i++) out[this.length + i - from] = input[i]!;
    else out.set(input.subarray(from, to), this.length);
    this.length += to - from;
  }

  private copy(offset: number, length: number): void {
    while (length > 0) {
      // The rest must not be shorter than the shortest copy.
      const part = length > LONGEST_COPY && length < LONGEST_COPY + MIN_MATCH ? LONGEST_COPY - MIN_MATCH : length;
      this.copyPart(offset, Math.min(part, LONGEST_COPY));
      length -= Math.min(part, LONGEST_COPY);
    }
  }

  private copyPart(offset: number, length: number): void {
    const { out } = this;
    if (length < 12 && offset < 2048) {
      out[this.length++] = ((offset >> 8) << 5) | ((length - MIN_MATCH) << 2) | 1;
      out[this.length++] = offset & 0xff;
      return;
    }
    out[this.length++] = ((length - 1) << 2) | 2;
    out[this.length++] = offset & 0xff;
    out[this.length++] = offset >> 8;
  }
}

function hashAt(input: Uint8Array, at: number): number {
  const word = input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24);
  return Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS);
}

function isEqual(input: Uint8Array, a: number, b: number): boolean {
  return (
    input[a] === input[b] &&
    input[a + 1] === input[b + 1] &&
    input[a + 2] === input[b + 2] &&
    input[a + 3] === input[b + 3]
  );
}
