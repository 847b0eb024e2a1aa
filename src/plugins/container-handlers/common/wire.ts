import protobuf from 'protobufjs/minimal.js';

const VARINT = 0;
const BYTES = 2;

type Reader = protobuf.Reader;
type Writer = protobuf.Writer;

/** How one field of a message is read and written. Methods, so that fields of all types fit one record. */
export interface Field<T> {
  readonly number: number;
  readonly wireType: number;
  /** The value of a message that does not hold the field. */
  initial(): T;
  /** @param before the value so far: lists and maps come in several pieces */
  read(reader: Reader, before: T): T;
  write(writer: Writer, value: T): void;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type ValueOf<F> = F extends Field<infer T> ? T : never;
type ValuesOf<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };

/** A protobuf message, with the fields that are used; all others are skipped unread. */
export interface Message<T> {
  /** @throws RangeError or Error when the bytes are not such a message */
  decode(bytes: Uint8Array): T;
  encode(value: Partial<T>): Uint8Array;
}

/** What a message decodes to. */
export type Decoded<M> = M extends Message<infer T> ? T : never;

export function message<F extends Fields>(fields: F): Message<ValuesOf<F>> {
  const entries = Object.entries(fields);
  const byNumber = new Map(entries.map(([name, field]) => [field.number, { name, field }]));
  return {
    decode(bytes) {
      const value: Record<string, unknown> = {};
      for (const [name, field] of entries) value[name] = field.initial();
      const reader = protobuf.Reader.create(bytes);
      while (reader.pos < reader.len) {
        const tag = reader.uint32();
        const known = byNumber.get(tag >>> 3);
        if (known === undefined || known.field.wireType !== (tag & 7)) reader.skipType(tag & 7);
        else value[known.name] = known.field.read(reader, value[known.name]);
      }
      return value as ValuesOf<F>;
    },
    encode(value) {
      const writer = protobuf.Writer.create();
      for (const [name, field] of entries) {
        const content = (value as Readonly<Record<string, unknown>>)[name];
        if (content !== undefined) field.write(writer, content);
      }
      return writer.finish();
    },
  };
}

const scalar = <T>(
  number: number,
  wireType: number,
  empty: T,
  read: (reader: Reader) => T,
  write: (writer: Writer, value: T) => unknown,
): Field<T> => ({
  number,
  wireType,
  initial: () => empty,
  read: (reader) => read(reader),
  write: (writer, value) => {
    write(writer.uint32((number << 3) | wireType), value);
  },
});

/** Fields of a type that protobufjs has a method for. */
const basic =
  <T>(method: 'string' | 'bytes' | 'bool', wireType: number, empty: T) =>
  (number: number): Field<T> => {
    const read = (reader: Reader) => reader[method]() as T;
    return scalar(number, wireType, empty, read, (writer, value) => writer[method](value as never));
  };

const readNumber = (reader: Reader): number => Number(reader.int64());

/** `string` */
export const text = basic('string', BYTES, '');

/** `bytes`. They share the memory of the whole answer: what is to be kept is to be copied. */
export const bytes = basic<Uint8Array>('bytes', BYTES, new Uint8Array());

/** `int32`, `uint32`, `int64`, `uint64` and enumerations; above 2^53 the nearest double. */
export const integer = (number: number): Field<number> =>
  scalar(number, VARINT, 0, readNumber, (writer, value) => writer.int64(value));

/** `int64`, exactly: nanoseconds since the epoch do not fit a double. */
export const exactInteger = (number: number): Field<bigint> =>
  scalar(
    number,
    VARINT,
    0n,
    (reader) => BigInt(reader.int64().toString()),
    (writer, value) => writer.int64(value.toString()),
  );

/** `bool` */
export const truth = basic('bool', VARINT, false);

/** A message within the message; `undefined` when it is not there. */
export const part = <T>(number: number, type: Message<T>): Field<T | undefined> =>
  scalar<T | undefined>(
    number,
    BYTES,
    undefined,
    (reader) => type.decode(reader.bytes()),
    (writer, value) => writer.bytes(type.encode(value ?? {})),
  );

/** `repeated`, of texts or messages. */
function repeated<T>(item: Field<T>): Field<T[]> {
  return {
    number: item.number,
    wireType: item.wireType,
    initial: () => [],
    read: (reader, before) => {
      before.push(item.read(reader, item.initial()));
      return before;
    },
    write: (writer, values) => {
      for (const value of values) item.write(writer, value);
    },
  };
}

/** `repeated string` */
export const texts = (number: number): Field<string[]> => repeated(text(number));

/** A repeated message. */
export const parts = <T>(number: number, type: Message<T>): Field<T[]> =>
  repeated<T>({ ...part(number, type), initial: () => ({}) as T } as Field<T>);

const ENTRY = message({ key: text(1), value: text(2) });

/** `map<string, string>` */
export const textMap = (number: number): Field<Readonly<Record<string, string>>> => ({
  number,
  wireType: BYTES,
  initial: () => ({}),
  read: (reader, before) => {
    const { key, value } = ENTRY.decode(reader.bytes());
    // An assignment would lose a key that is called __proto__.
    return Object.defineProperty(before, key, { value, enumerable: true, writable: true, configurable: true });
  },
  write: (writer, map) => {
    for (const [key, value] of Object.entries(map)) {
      writer.uint32((number << 3) | BYTES).bytes(ENTRY.encode({ key, value }));
    }
  },
});

/** `google.protobuf.Timestamp` */
export const TIMESTAMP = message({ seconds: integer(1), nanos: integer(2) });

/** @returns µs since the epoch; `undefined` for no time and for times before the epoch, which mean "never" */
export function microseconds(time: Decoded<typeof TIMESTAMP> | undefined): number | undefined {
  if (time === undefined || time.seconds <= 0) return undefined;
  return time.seconds * 1e6 + Math.floor(time.nanos / 1000);
}

/** Nanoseconds beyond `microseconds`, 0 … 999; `undefined` where it is. */
export const extraNanoseconds = (time: Decoded<typeof TIMESTAMP> | undefined): number | undefined =>
  microseconds(time) === undefined ? undefined : time!.nanos % 1000;
