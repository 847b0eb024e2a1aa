import type { IncomingHttpHeaders } from 'node:http';
import protobuf from 'protobufjs/minimal.js';
import { RecordingServer } from './recording-server.js';

/** A series of a write request. */
export interface WrittenSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Names of the labels in the order in which they came. */
  readonly order: readonly string[];
  readonly samples: readonly { readonly value: number; readonly isStale: boolean; readonly timestamp: number }[];
}

/** Decodes Snappy's block format, as its description says. @throws Error when the bytes are none */
export function unsnappy(input: Uint8Array): Buffer {
  let at = 0;
  let size = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = input[at++]!;
    size += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  const out = Buffer.alloc(size);
  let length = 0;
  const little = (bytes: number) => {
    let value = 0;
    for (let i = 0; i < bytes; i++) value += input[at++]! * 256 ** i;
    return value;
  };
  while (at < input.length) {
    const tag = input[at++]!;
    if ((tag & 3) === 0) {
      const count = (tag >> 2 < 60 ? tag >> 2 : little((tag >> 2) - 59)) + 1;
      if (at + count > input.length || length + count > size) throw new Error('a literal is too long');
      out.set(input.subarray(at, at + count), length);
      at += count;
      length += count;
      continue;
    }
    const count = (tag & 3) === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const offset = (tag & 3) === 1 ? ((tag >> 5) << 8) | input[at++]! : little((tag & 3) === 2 ? 2 : 4);
    if (offset === 0 || offset > length || length + count > size) throw new Error('a copy reaches out of the text');
    for (let i = 0; i < count; i++) out[length + i] = out[length - offset + i]!;
    length += count;
  }
  if (length !== size) throw new Error(`${length} bytes instead of ${size}`);
  return out;
}

const STALE = 0x7ff0000000000002n;

/** Decodes a `WriteRequest` of remote write 1.0. */
export function decodeWriteRequest(bytes: Uint8Array): WrittenSeries[] {
  const series: WrittenSeries[] = [];
  eachField(bytes, (field, reader) => {
    if (field !== 1) throw new Error(`unknown field ${field}`);
    series.push(decodeSeries(reader.bytes()));
  });
  return series;
}

function decodeSeries(bytes: Uint8Array): WrittenSeries {
  const labels: [string, string][] = [];
  const samples: WrittenSeries['samples'][number][] = [];
  eachField(bytes, (field, reader) => {
    const part = reader.bytes();
    if (field === 1) {
      const texts = ['', '', ''];
      eachField(part, (number, label) => {
        texts[number] = label.string();
      });
      labels.push([texts[1]!, texts[2]!]);
    } else if (field === 2) {
      let bits = 0n;
      let timestamp = 0;
      eachField(part, (number, sample) => {
        if (number === 1) {
          bits = Buffer.from(sample.buf.slice(sample.pos, sample.pos + 8)).readBigUInt64LE();
          sample.skip(8);
        } else timestamp = Number(sample.int64().toString());
      });
      const value = Buffer.alloc(8);
      value.writeBigUInt64LE(bits);
      samples.push({ value: value.readDoubleLE(), isStale: bits === STALE, timestamp });
    } else throw new Error(`unknown field ${field} of a series`);
  });
  return { labels: Object.fromEntries(labels), order: labels.map(([name]) => name), samples };
}

function eachField(bytes: Uint8Array, read: (field: number, reader: protobuf.Reader) => void): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) read(reader.uint32() >>> 3, reader);
}

interface WriteRequest {
  readonly headers: IncomingHttpHeaders;
  readonly series: readonly WrittenSeries[];
}

/** A receiver of remote write 1.0. */
export class RemoteWriteReceiver extends RecordingServer<WriteRequest> {
  constructor(options?: ConstructorParameters<typeof RecordingServer>[2]) {
    super((headers, body) => ({ headers, series: decodeWriteRequest(unsnappy(body)) }), '/api/v1/write', options);
  }

  /** All series with a sample, over all requests, by metric. */
  series(metric: string): WrittenSeries[] {
    return this.received.flatMap(({ series }) => series.filter(({ labels }) => labels.__name__ === metric));
  }
}
