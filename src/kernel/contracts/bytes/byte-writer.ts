const DIGIT_PAIRS = Buffer.from(Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0')).join(''), 'latin1');
const ZERO = 0x30;
const MINUS = 0x2d;
const GROUP = 100_000_000;
/** Below this length copying byte by byte is faster than a native call. */
const SHORT = 24;

/**
 * Writes an answer as bytes into a buffer that grows and is used again. Numbers go straight to digits: on the large
 * answers (thousands of samples) building objects and `JSON.stringify` costs several times as much.
 */
export class ByteWriter {
  /** The bytes written so far are `buffer[0 … length − 1]`. */
  buffer: Buffer;
  length = 0;
  private second = Number.NaN;
  private readonly secondText = Buffer.alloc(19);

  constructor(capacity = 64 * 1024) {
    this.buffer = Buffer.allocUnsafeSlow(capacity);
  }

  /** Writes prepared bytes. */
  bytes(source: Uint8Array): void {
    const count = source.length;
    this.reserve(count);
    const { buffer } = this;
    let at = this.length;
    if (count <= SHORT) for (let i = 0; i < count; i++) buffer[at++] = source[i]!;
    else buffer.set(source, at);
    this.length += count;
  }

  /** Writes ASCII text that needs no escaping. */
  ascii(text: string): void {
    const { length } = text;
    this.reserve(length);
    const { buffer } = this;
    let at = this.length;
    if (length <= SHORT) for (let i = 0; i < length; i++) buffer[at++] = text.charCodeAt(i);
    else buffer.write(text, at, 'latin1');
    this.length += length;
  }

  /** Writes text as UTF-8, unescaped. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.buffer.write(text, this.length, 'utf8');
  }

  /** Writes a JSON string with quotes; `<`, `>` and `&` are escaped, too, as Go does. */
  string(value: string): void {
    this.text(quoteJson(value));
  }

  boolean(value: boolean): void {
    this.ascii(value ? 'true' : 'false');
  }

  /** Writes the exact integer `value + residual`; anything absent (NaN) as 0. */
  integer(value: number, residual = 0): void {
    this.reserve(24);
    if (Number.isNaN(value)) {
      this.buffer[this.length++] = ZERO;
      return;
    }
    if (value >= 9007199254740992 || value <= -9007199254740992) {
      this.ascii((BigInt(value) + BigInt(residual)).toString());
      return;
    }
    let rest = Math.trunc(value);
    if (rest < 0) {
      this.buffer[this.length++] = MINUS;
      rest = -rest;
    }
    if (rest < GROUP) this.digits(rest);
    else {
      const high = Math.floor(rest / GROUP);
      this.digits(high);
      this.padded(rest - high * GROUP, 8);
    }
  }

  /** Serializes a value as JSON, for small answers. BigInts are printed as exact integers. */
  json(value: unknown): void {
    this.text(stringifyJson(value));
  }

  /** Writes a float in its shortest form; NaN and infinities, which JSON lacks, as `null`. */
  float(value: number): void {
    this.ascii(Number.isFinite(value) ? String(value) : 'null');
  }

  /**
   * Writes a quoted RFC 3339 UTC time of µs since the epoch, trailing zeros trimmed; 0 is the zero time.
   * @param extraNs nanoseconds beyond `micros`, 0 … 999
   */
  time(micros: number, extraNs = 0): void {
    if (micros === 0) {
      this.ascii('"0001-01-01T00:00:00Z"');
      return;
    }
    const second = Math.floor(micros / 1_000_000);
    if (second !== this.second) {
      this.second = second;
      this.secondText.write(new Date(second * 1000).toISOString(), 0, 19, 'latin1');
    }
    this.reserve(32);
    this.buffer[this.length++] = 0x22;
    this.bytes(this.secondText);
    let fraction = micros - second * 1_000_000;
    if (fraction !== 0 || extraNs !== 0) {
      this.buffer[this.length++] = 0x2e;
      let width = 6;
      if (extraNs !== 0) {
        fraction = fraction * 1000 + extraNs;
        width = 9;
      }
      while (fraction % 10 === 0) {
        fraction /= 10;
        width--;
      }
      this.padded(fraction, width);
    }
    this.buffer[this.length++] = 0x5a;
    this.buffer[this.length++] = 0x22;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.length + count));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }

  /** Non-negative integer below 10^8. */
  private digits(value: number): void {
    let width = 1;
    for (let limit = 10; value >= limit; limit *= 10) width++;
    this.padded(value, width);
  }

  private padded(value: number, width: number): void {
    const { buffer } = this;
    let at = this.length + width;
    this.length = at;
    let rest = value | 0;
    while (width >= 2) {
      const quotient = (rest / 100) | 0;
      const pair = (rest - quotient * 100) * 2;
      buffer[--at] = DIGIT_PAIRS[pair + 1]!;
      buffer[--at] = DIGIT_PAIRS[pair]!;
      rest = quotient;
      width -= 2;
    }
    if (width === 1) buffer[--at] = ZERO + rest;
  }
}

/** Texts of characters that need no escape, as names of containers are. */
const PLAIN = /^[\w ./:@-]*$/;

const HTML_ESCAPES: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** The JSON text of a string, with the escapes of `ByteWriter.string`; lone surrogates become U+FFFD. */
export function quoteJson(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`;
  return escapeHtml(JSON.stringify(value.toWellFormed()));
}

/** The JSON text of a value; BigInts become exact integers. */
export function stringifyJson(value: unknown): string {
  return escapeHtml(render(value));
}

function escapeHtml(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (char) => HTML_ESCAPES[char]!);
}

function render(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed());
  if (Array.isArray(value)) return `[${value.map(render).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${render(member)}`).join(',')}}`;
}
