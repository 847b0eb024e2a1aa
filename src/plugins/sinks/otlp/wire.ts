import protobuf from 'protobufjs/minimal.js';

/** Wire type of texts and messages. */
const BYTES = 2;

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
