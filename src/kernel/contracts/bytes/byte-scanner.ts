const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const TWO_TO_32 = 4294967296;
/** This many digits always fit a double exactly. */
const EXACT_DIGITS = 15;
/** Digits of the largest 64-bit integer. */
const MOST_DIGITS = 20;

/**
 * Walks over the bytes of a kernel file. Makes no strings and no objects, so that it can be used on the hot path: what
 * it reads lands in `value` and `residual`. Never throws, whatever the bytes are.
 */
export class ByteScanner {
  /** Where the next read starts. */
  position = 0;
  /** One past the last byte. */
  end = 0;
  /** The last number read, as the nearest double. */
  value = 0.5;
  /** What is missing from `value` to the exact integer; 0 below 2^53. */
  residual = 0;
  private bytes: Uint8Array = new Uint8Array(0);

  /** Starts at the beginning of `bytes`, of which the first `length` are used. They are not copied. */
  reset(bytes: Uint8Array, length: number): void {
    this.bytes = bytes;
    this.position = 0;
    this.end = Math.min(length, bytes.length);
  }

  /** The byte at the position, −1 at the end. */
  peek(): number {
    return this.position < this.end ? this.bytes[this.position]! : -1;
  }

  /**
   * Reads a decimal integer of at most 64 bits at the position, a minus sign allowed.
   * @returns false, with the position unchanged, when there is none
   */
  integer(): boolean {
    const { bytes, end } = this;
    const start = this.position;
    let at = start;
    const negative = at < end && bytes[at] === MINUS;
    if (negative) at++;
    const first = at;
    const exactEnd = Math.min(end, first + EXACT_DIGITS);
    let value = 0;
    for (let digit = 0; at < exactEnd; at++) {
      digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === first) return false;
    this.residual = 0;
    if (at === exactEnd && at < end) {
      at = this.wide(at, first + MOST_DIGITS, value);
      if (at < 0) return false;
      value = this.value;
    }
    this.position = at;
    this.value = negative ? 0 - value : value;
    if (negative) this.residual = 0 - this.residual;
    return true;
  }

  /**
   * Reads an integer, or a decimal fraction such as `12.39`, at the position.
   * @returns false, with the position unchanged, when there is none
   */
  number(): boolean {
    const { bytes, end, position: start } = this;
    if (!this.integer()) return false;
    if (this.position >= end || bytes[this.position] !== POINT) return true;
    let at = this.position + 1;
    let scale = 1;
    let fraction = 0;
    for (let digit = 0; at < end; at++) {
      digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      if (scale < 1e9) {
        fraction = fraction * 10 + digit;
        scale *= 10;
      }
    }
    // One division of two integers rounds once, so that `12.39` reads as the double that prints `12.39`.
    const scaled = Math.abs(this.value) * scale + fraction;
    this.value = (bytes[start] === MINUS ? 0 - scaled : scaled) / scale;
    this.residual = 0;
    this.position = at;
    return true;
  }

  /**
   * Reads a hexadecimal number of at most 13 digits at the position, without prefix.
   * @returns false, with the position unchanged, when there is none
   */
  hex(): boolean {
    const { bytes } = this;
    const last = Math.min(this.end, this.position + 13);
    let at = this.position;
    let value = 0;
    for (let digit = 0; at < last; at++) {
      digit = hexDigit(bytes[at]!);
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    if (at === this.position) return false;
    this.position = at;
    this.value = value;
    this.residual = 0;
    return true;
  }

  /** Moves behind spaces and tabs. */
  skipSpaces(): void {
    const { bytes, end } = this;
    let at = this.position;
    while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
    this.position = at;
  }

  /** Moves to the next space, tab, newline or the end. @returns the number of bytes passed */
  skipWord(): number {
    const { bytes, end } = this;
    const start = this.position;
    let at = start;
    while (at < end && bytes[at] !== SPACE && bytes[at] !== TAB && bytes[at] !== NEWLINE) at++;
    this.position = at;
    return at - start;
  }

  /** Moves behind the next newline. @returns false when nothing is left there */
  nextLine(): boolean {
    const at = this.position < this.end ? this.bytes.indexOf(NEWLINE, this.position) : -1;
    this.position = at < 0 || at >= this.end ? this.end : at + 1;
    return this.position < this.end;
  }

  /** Moves behind `count` words, and the spaces before each. @returns false when the line has fewer */
  skipWords(count: number): boolean {
    for (let i = 0; i < count; i++) {
      this.skipSpaces();
      if (this.skipWord() === 0) return false;
    }
    return true;
  }

  /** Moves behind `literal[from … to − 1]` when the bytes at the position are the same. @returns whether they were */
  literal(literal: Uint8Array, from = 0, to = literal.length): boolean {
    const { bytes } = this;
    let at = this.position;
    if (this.end - at < to - from) return false;
    for (let i = from; i < to; i++) if (literal[i] !== bytes[at++]) return false;
    this.position = at;
    return true;
  }

  /** Continues with the digits after the 15th. @returns the position behind them, −1 when there are too many */
  private wide(start: number, limit: number, value: number): number {
    const { bytes, end } = this;
    let high = Math.floor(value / TWO_TO_32);
    let low = value - high * TWO_TO_32;
    let at = start;
    for (let digit = 0; at < end; at++) {
      digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      if (at >= limit) return -1;
      low = low * 10 + digit;
      const carry = Math.floor(low / TWO_TO_32);
      low -= carry * TWO_TO_32;
      high = high * 10 + carry;
    }
    // The kernel has no numbers of more than 64 bits.
    if (high >= TWO_TO_32) return -1;
    const head = high * TWO_TO_32;
    this.value = head + low;
    this.residual = low - (this.value - head);
    return at;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
