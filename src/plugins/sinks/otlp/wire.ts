import protobuf from 'protobufjs/minimal.js';

/** Wire types of protobuf. */
const FIXED64 = 1;
const BYTES = 2;
const TWO_32 = 2 ** 32;

/** A number of a data point: an exact integer `value + residual`, or a double. */
export interface PointValue {
  readonly value: number;
  readonly residual: number;
  readonly isInteger: boolean;
}

/** Writes the messages of OTLP; field numbers are those of the official protobuf definitions. */
export class MessageWriter {
  private readonly out = protobuf.Writer.create();

  /** The bytes written so far; the writer is empty then. */
  finish(): Uint8Array {
    const bytes = this.out.finish();
    this.out.reset();
    return bytes;
  }

  /** Writes a message as a field. */
  message(field: number, write: () => void): void {
    this.out.uint32((field << 3) | BYTES).fork();
    write();
    this.out.ldelim();
  }

  string(field: number, text: string): void {
    this.out.uint32((field << 3) | BYTES).string(text);
  }

  enumeration(field: number, value: number): void {
    this.out.uint32(field << 3).int32(value);
  }

  boolean(field: number, value: boolean): void {
    this.out.uint32(field << 3).bool(value);
  }

  double(field: number, value: number): void {
    this.out.uint32((field << 3) | FIXED64).double(value);
  }

  /** A non-negative 64-bit number, or a negative one in two's complement, exactly. */
  fixed64(field: number, value: number, residual = 0): void {
    this.out.uint32((field << 3) | FIXED64);
    if (Number.isSafeInteger(value) && residual === 0) {
      const high = Math.floor(value / TWO_32);
      this.out.fixed32((value - high * TWO_32) >>> 0).fixed32(high >>> 0);
      return;
    }
    const exact = BigInt.asUintN(64, BigInt(value) + BigInt(residual));
    this.out.fixed32(Number(exact & 0xffffffffn)).fixed32(Number(exact >> 32n));
  }

  /** Nanoseconds of a time in µs. */
  time(field: number, micros: number): void {
    this.out.uint32((field << 3) | FIXED64);
    const nanos = BigInt(Math.round(micros)) * 1000n;
    this.out.fixed32(Number(nanos & 0xffffffffn)).fixed32(Number(nanos >> 32n));
  }

  /** `KeyValue { key, AnyValue { string_value } }` */
  attribute(field: number, key: string, value: string): void {
    this.message(field, () => {
      this.string(1, key);
      this.message(2, () => this.string(1, value));
    });
  }
}

/** The answer of a receiver that took a request only in part. */
export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

/** Reads `ExportMetricsServiceResponse`. @returns undefined when all was taken or the answer cannot be read */
export function readResponse(bytes: Uint8Array): PartialSuccess | undefined {
  try {
    const reader = protobuf.Reader.create(bytes);
    let result: PartialSuccess | undefined;
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag >>> 3 === 1 && (tag & 7) === BYTES) result = readPartialSuccess(reader.bytes());
      else reader.skipType(tag & 7);
    }
    return result !== undefined && (result.rejected > 0 || result.message !== '') ? result : undefined;
  } catch {
    return undefined;
  }
}

function readPartialSuccess(bytes: Uint8Array): PartialSuccess {
  const reader = protobuf.Reader.create(bytes);
  let rejected = 0;
  let message = '';
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) rejected = Number(reader.int64().toString());
    else if (tag >>> 3 === 2) message = reader.string();
    else reader.skipType(tag & 7);
  }
  return { rejected, message };
}
