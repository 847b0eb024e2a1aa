/** Bytes of a `double`, `fixed64` or `sfixed64` with its tag, where the tag is one byte. */
export const FIXED64_FIELD_BYTES = 9;

/** Below this length copying byte by byte is faster than the call into native code. */
const SHORT_BYTES = 24;

/** A non-negative integer as varint. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
}

/** Bytes of an integer below 2^32 as varint. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Writes an integer below 2^32 as varint. @returns where it ends */
export function putVarint(target: Buffer, at: number, value: number): number {
  while (value > 0x7f) {
    target[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  target[at++] = value;
  return at;
}

/** Writes the exact integer `value + residual` as `sfixed64`, one below 2^53 without a BigInt. @returns where it ends */
export function putInteger(target: Buffer, at: number, value: number, residual: number): number {
  if (!Number.isSafeInteger(value)) {
    return target.writeBigInt64LE(BigInt.asIntN(64, BigInt(value) + BigInt(residual)), at);
  }
  const high = Math.floor(value / 2 ** 32);
  target.writeInt32LE((value - high * 2 ** 32) | 0, at);
  return target.writeInt32LE(high, at + 4);
}

/** @returns where the copy ends */
export function putBytes(target: Buffer, at: number, source: Buffer, from = 0, to = source.length): number {
  if (to - from >= SHORT_BYTES) return at + source.copy(target, at, from, to);
  for (let i = from; i < to; i++) target[at++] = source[i]!;
  return at;
}

/** A field of bytes: a text or a message. */
export function bytesField(tag: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes]);
}

export function textField(tag: number, text: string): Buffer {
  return bytesField(tag, Buffer.from(text));
}

/** A message with a name and a value, as a field: the tags of both are 1 and 2. */
export function labelField(tag: number, [name, value]: readonly [name: string, value: string]): Buffer {
  return bytesField(tag, Buffer.concat([textField(0x0a, name), textField(0x12, value)]));
}
