import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';

const ZERO = 0x30;
const DOT = 0x2e;
/** Bytes of the longest number, time and line end. */
const ROOM = 96;
/** Below this, copying byte by byte beats the call into native code. */
const SHORT = 16;

export function escapeLabelValue(value: string): string {
  if (!/[\\"\n]/.test(value) && value.isWellFormed()) return value;
  return value.toWellFormed().replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** The text of a HELP line; OpenMetrics escapes quotes as well. */
export function escapeHelp(text: string, openMetrics: boolean): string {
  const escaped = text.toWellFormed().replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return openMetrics ? escaped.replaceAll('"', '\\"') : escaped;
}

/** `name="value"` */
export function labelPair(name: string, value: string): string {
  return `${name}="${escapeLabelValue(value)}"`;
}

/** `a="1",b="2"` */
export function labelPairs(labels: readonly (readonly [name: string, value: string])[]): string {
  return labels.map(([name, value]) => labelPair(name, value)).join(',');
}

/**
 * Writes `(value + residual) / divisor` exactly, as decimal digits. Divisors are 1 and the powers of ten up to 10^9.
 * Decimal digits need no division in floating point: what is read back is the double nearest to the kernel's number.
 */
export function writeQuotient(out: ByteWriter, value: number, residual: number, divisor: number): void {
  if (value >= 0 && value < 10 && divisor === 1 && Number.isInteger(value)) {
    out.reserve(1);
    out.buffer[out.length++] = ZERO + value;
    return;
  }
  if (!Number.isInteger(value)) {
    out.ascii(floatText(value / divisor));
    return;
  }
  if (divisor === 1) {
    out.integer(value, residual);
    return;
  }
  if (value < 0 || value >= 2 ** 53) {
    writeWideQuotient(out, value, residual, divisor);
    return;
  }
  let whole = Math.floor(value / divisor);
  let rest = value - whole * divisor;
  if (rest < 0) {
    whole--;
    rest += divisor;
  }
  out.integer(whole);
  if (rest !== 0) writeFraction(out, rest, divisor);
}

/** A number as Prometheus and OpenMetrics write it. */
export function floatText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}

function writeWideQuotient(out: ByteWriter, value: number, residual: number, divisor: number): void {
  const exact = BigInt(value) + BigInt(residual);
  const magnitude = exact < 0n ? -exact : exact;
  const whole = magnitude / BigInt(divisor);
  const rest = Number(magnitude % BigInt(divisor));
  out.ascii(`${exact < 0n ? '-' : ''}${whole}`);
  if (rest !== 0) writeFraction(out, rest, divisor);
}

/** Writes `.` and the digits of `rest / divisor` without zeros at the end. */
function writeFraction(out: ByteWriter, rest: number, divisor: number): void {
  let digits = rest | 0;
  let last = divisor;
  while (digits % 10 === 0) {
    digits = (digits / 10) | 0;
    last /= 10;
  }
  let width = 0;
  for (let i = last; i > 1; i /= 10) width++;
  out.reserve(width + 1);
  const { buffer } = out;
  buffer[out.length] = DOT;
  for (let at = out.length + width; width > 0; width--) {
    const shorter = (digits / 10) | 0;
    buffer[at--] = ZERO + digits - shorter * 10;
    digits = shorter;
    out.length++;
  }
  out.length++;
}

/**
 * Writes a line up to its number, and makes room for the rest of it. One check for room, and two native copies, are what
 * a line costs: this is the hottest code of a scrape.
 */
export function beginLine(out: ByteWriter, prefix: Buffer, labels: Buffer, tail: Buffer): void {
  out.reserve(prefix.length + labels.length + tail.length + ROOM);
  const { buffer } = out;
  buffer.set(prefix, out.length);
  buffer.set(labels, out.length + prefix.length);
  const end = out.length + prefix.length + labels.length;
  const { length } = tail;
  if (length > SHORT) buffer.set(tail, end);
  else for (let i = 0; i < length; i++) buffer[end + i] = tail[i]!;
  out.length = end + length;
}
