/**
 * The wire format of D-Bus, as far as asking a service manager needs it. Structs and arrays are arrays, a dictionary is an
 * array of pairs, a variant is its value.
 */
export type Value = number | string | boolean | readonly Value[];

export const MESSAGE_TYPE = { call: 1, reply: 2, error: 3, signal: 4 } as const;

/** Larger messages than any answer that is asked for; the protocol itself allows 128 MiB. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_DEPTH = 32;
const FIXED_HEADER_BYTES = 16;

/** The fields of a header, with their codes and types. */
const FIELDS = [
  [1, 'path', 'o'],
  [2, 'interface', 's'],
  [3, 'member', 's'],
  [4, 'errorName', 's'],
  [5, 'replySerial', 'u'],
  [6, 'destination', 's'],
  [7, 'sender', 's'],
] as const;
const SIGNATURE = 8;
const ALIGNMENT: Readonly<Record<string, number>> = { y: 1, g: 1, v: 1, n: 2, q: 2, x: 8, t: 8, d: 8, '(': 8, '{': 8 };
const alignmentOf = (type: string): number => ALIGNMENT[type[0]!] ?? 4;

/** The parts of a message that are used here. */
export interface Message {
  readonly type: number;
  readonly serial: number;
  readonly replySerial?: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly destination?: string;
  readonly sender?: string;
  readonly body: readonly Value[];
}

/** What the other side sent is no D-Bus. */
export class ProtocolError extends Error {}

/** Splits a signature into its complete types: `sa{sv}u` → `s`, `a{sv}`, `u`. @throws ProtocolError */
export function completeTypes(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at, 0);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, start: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new ProtocolError('a type is nested too deeply');
  const code = signature[start];
  if (code === 'a') return endOfType(signature, start + 1, depth + 1);
  if (code === '(' || code === '{') {
    const close = code === '(' ? ')' : '}';
    let at = start + 1;
    while (signature[at] !== close) at = endOfType(signature, at, depth + 1);
    return at + 1;
  }
  if (code === undefined || !'ybnqiuxtdsogvh'.includes(code)) {
    throw new ProtocolError(`unknown type ${JSON.stringify(code ?? '')} in a signature`);
  }
  return start + 1;
}

interface FixedType {
  readonly size: number;
  get(view: DataView, at: number, isLittleEndian: boolean): number;
  set(view: DataView, value: number): void;
}

function plain(size: number, name: 'Uint8' | 'Int16' | 'Uint16' | 'Int32' | 'Uint32' | 'Float64'): FixedType {
  return {
    size,
    get: (view, at, isLittleEndian) => view[`get${name}`](at, isLittleEndian),
    set: (view, value) => view[`set${name}`](0, value, true),
  };
}

function big(name: 'BigInt64' | 'BigUint64'): FixedType {
  return {
    size: 8,
    get: (view, at, isLittleEndian) => Number(view[`get${name}`](at, isLittleEndian)),
    set: (view, value) => view[`set${name}`](0, BigInt(value), true),
  };
}

/** Types of a fixed size. 64-bit integers are given as the nearest double. */
const FIXED: Readonly<Record<string, FixedType>> = {
  y: plain(1, 'Uint8'),
  n: plain(2, 'Int16'),
  q: plain(2, 'Uint16'),
  i: plain(4, 'Int32'),
  u: plain(4, 'Uint32'),
  x: big('BigInt64'),
  t: big('BigUint64'),
  d: plain(8, 'Float64'),
};
/** Files that are handed over: their number in the list. */
const FILE_DESCRIPTOR = 'h';

class Reader {
  private readonly view: DataView;
  private depth = 0;

  constructor(
    private readonly bytes: Buffer,
    private readonly isLittleEndian: boolean,
    private at: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  value(type: string): Value {
    if (++this.depth > MAX_DEPTH) throw new ProtocolError('a value is nested too deeply');
    this.align(alignmentOf(type));
    const value = this.aligned(type);
    this.depth--;
    return value;
  }

  uint32(): number {
    return this.fixed(FIXED.u!);
  }

  private aligned(type: string): Value {
    const fixed = FIXED[type];
    if (fixed !== undefined) return this.fixed(fixed);
    switch (type[0]) {
      case 's':
      case 'o':
        return this.text(this.uint32());
      case 'g':
        return this.text(this.fixed(FIXED.y!));
      case 'b':
        return this.uint32() !== 0;
      case 'v':
        return this.variant();
      case 'a':
        return this.array(type.slice(1));
      case FILE_DESCRIPTOR:
        return this.uint32();
      default:
        return completeTypes(type.slice(1, -1)).map((member) => this.value(member));
    }
  }

  private align(boundary: number): void {
    this.at = Math.ceil(this.at / boundary) * boundary;
  }

  private fixed({ size, get }: FixedType): number {
    return get(this.view, this.take(size), this.isLittleEndian);
  }

  private text(length: number): string {
    const start = this.take(length + 1);
    return this.bytes.toString('utf8', start, start + length);
  }

  private variant(): Value {
    const [type, ...more] = completeTypes(this.value('g') as string);
    if (type === undefined || more.length > 0) throw new ProtocolError('a variant does not hold exactly one value');
    return this.value(type);
  }

  private array(element: string): Value[] {
    const length = this.uint32();
    this.align(alignmentOf(element));
    const end = this.at + length;
    if (end > this.bytes.length) throw new ProtocolError('an array is longer than its message');
    const values: Value[] = [];
    while (this.at < end) {
      const before = this.at;
      values.push(this.value(element));
      if (this.at === before) throw new ProtocolError('an array has elements without a size');
    }
    if (this.at !== end) throw new ProtocolError('an array does not end with an element');
    return values;
  }

  private take(size: number): number {
    const start = this.at;
    if (start + size > this.bytes.length) throw new ProtocolError('a message is shorter than what it says to hold');
    this.at += size;
    return start;
  }
}

class Writer {
  private readonly parts: Uint8Array[] = [];
  length = 0;

  value(type: string, value: Value): void {
    this.align(alignmentOf(type));
    const fixed = FIXED[type];
    if (fixed !== undefined) this.fixed(fixed, value as number);
    else if (type === 'b') this.fixed(FIXED.u!, value === true ? 1 : 0);
    else if (type === 's' || type === 'o') this.text(FIXED.u!, value as string);
    else if (type === 'g') this.text(FIXED.y!, value as string);
    else if (type === 'v') this.variant(value as [string, Value]);
    else if (type[0] === 'a') this.array(type.slice(1), value as readonly Value[]);
    else this.members(completeTypes(type.slice(1, -1)), value as readonly Value[]);
  }

  align(boundary: number): void {
    const missing = (boundary - (this.length % boundary)) % boundary;
    if (missing > 0) this.add(Buffer.alloc(missing));
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.parts);
  }

  private variant([type, content]: [string, Value]): void {
    this.value('g', type);
    this.value(type, content);
  }

  private array(element: string, values: readonly Value[]): void {
    const size = Buffer.alloc(4);
    this.add(size);
    this.align(alignmentOf(element));
    const start = this.length;
    for (const each of values) this.value(element, each);
    size.writeUInt32LE(this.length - start);
  }

  private members(types: readonly string[], values: readonly Value[]): void {
    for (const [index, type] of types.entries()) this.value(type, values[index]!);
  }

  private text(length: FixedType, text: string): void {
    this.fixed(length, Buffer.byteLength(text));
    this.add(Buffer.from(`${text}\0`));
  }

  private fixed({ size, set }: FixedType, value: number): void {
    const bytes = new Uint8Array(size);
    set(new DataView(bytes.buffer), value);
    this.add(bytes);
  }

  private add(part: Uint8Array): void {
    this.parts.push(part);
    this.length += part.length;
  }
}

/**
 * The bytes of a message, little-endian.
 * @param signature types of the body; in it a variant is the pair of its type and its value
 */
export function encodeMessage(message: Message, signature = ''): Buffer {
  const body = new Writer();
  for (const [index, type] of completeTypes(signature).entries()) body.value(type, message.body[index]!);
  const fields: [number, [string, Value]][] = [];
  for (const [code, name, type] of FIELDS) {
    const value = message[name];
    if (value !== undefined) fields.push([code, [type, value]]);
  }
  if (signature !== '') fields.push([SIGNATURE, ['g', signature]]);
  const header = new Writer();
  header.value('(yyyyuua(yv))', [0x6c, message.type, 0, 1, body.length, message.serial, fields]);
  header.align(8);
  return Buffer.concat([header.toBuffer(), body.toBuffer()]);
}

/**
 * The first message in the bytes, and how many bytes it takes; undefined while it is not complete.
 * @throws ProtocolError
 */
export function decodeMessage(bytes: Buffer): { message: Message; size: number } | undefined {
  if (bytes.length < FIXED_HEADER_BYTES) return undefined;
  const order = bytes[0];
  if ((order !== 0x6c && order !== 0x42) || bytes[3] !== 1) throw new ProtocolError('the answer is no D-Bus message');
  const isLittle = order === 0x6c;
  const numbers = new Reader(bytes, isLittle, 4);
  const [bodyLength, serial, fieldsLength] = [numbers.uint32(), numbers.uint32(), numbers.uint32()];
  const bodyStart = Math.ceil((FIXED_HEADER_BYTES + fieldsLength) / 8) * 8;
  const size = bodyStart + bodyLength;
  if (size > MAX_MESSAGE_BYTES) throw new ProtocolError(`a message has ${size} bytes, more than ${MAX_MESSAGE_BYTES}`);
  if (bytes.length < size) return undefined;
  const fields = new Map(new Reader(bytes.subarray(0, bodyStart), isLittle, 12).value('a(yv)') as [number, Value][]);
  const known = FIELDS.filter(([code, , type]) => typeof fields.get(code) === (type === 'u' ? 'number' : 'string'));
  const signature = fields.get(SIGNATURE);
  const body = new Reader(bytes.subarray(bodyStart, size), isLittle, 0);
  const message: Message = {
    type: bytes[1]!,
    serial,
    ...Object.fromEntries(known.map(([code, name]) => [name, fields.get(code)])),
    body: completeTypes(typeof signature === 'string' ? signature : '').map((type) => body.value(type)),
  };
  return { message, size };
}
