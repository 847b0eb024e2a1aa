import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import * as zlib from 'node:zlib';
import protobuf from 'protobufjs';
import { RecordingServer, type Reply } from './recording-server.js';

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
      samples.push({ value: doubleOf(bits), isStale: bits === STALE, timestamp });
    } else throw new Error(`unknown field ${field} of a series`);
  });
  return { labels: Object.fromEntries(labels), order: labels.map(([name]) => name), samples };
}

function eachField(bytes: Uint8Array, read: (field: number, reader: protobuf.Reader) => void): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) read(reader.uint32() >>> 3, reader);
}

/** @throws Error when a body is not compressed as its headers say */
function decompressed({ 'content-encoding': encoding }: IncomingHttpHeaders, body: Buffer): Buffer {
  if (encoding === 'gzip') return zlib.gunzipSync(body);
  if (encoding === 'zstd')
    return (zlib as unknown as { zstdDecompressSync(body: Buffer): Buffer }).zstdDecompressSync(body);
  assert.equal(encoding, 'snappy');
  return unsnappy(body);
}

interface WriteRequest {
  readonly headers: IncomingHttpHeaders;
  readonly series: readonly WrittenSeries[];
}

/** A receiver of remote write 1.0. */
export class RemoteWriteReceiver extends RecordingServer<WriteRequest> {
  constructor(options?: ConstructorParameters<typeof RecordingServer>[2]) {
    super(
      (headers, body) => ({ headers, series: decodeWriteRequest(decompressed(headers, body)) }),
      '/api/v1/write',
      options,
    );
  }

  /** All series with a sample, over all requests, by metric. */
  series(metric: string): WrittenSeries[] {
    return this.received.flatMap(({ series }) => series.filter(({ labels }) => labels.__name__ === metric));
  }
}

/** `io.prometheus.write.v2.Request` of the specification 2.0-rc.4, without what floats have no use for. */
const { root } = protobuf.parse(
  `syntax = "proto3";
package io.prometheus.write.v2;
message Request {
  reserved 1 to 3;
  repeated string symbols = 4;
  repeated TimeSeries timeseries = 5;
}
message TimeSeries {
  repeated uint32 labels_refs = 1;
  repeated Sample samples = 2;
  Metadata metadata = 5;
  reserved 6;
}
message Sample {
  fixed64 value = 1; // A double there; NaNs differ in their bits.
  int64 timestamp = 2;
  int64 start_timestamp = 3;
}
message Metadata {
  enum MetricType {
    METRIC_TYPE_UNSPECIFIED = 0; METRIC_TYPE_COUNTER = 1; METRIC_TYPE_GAUGE = 2; METRIC_TYPE_HISTOGRAM = 3;
    METRIC_TYPE_GAUGEHISTOGRAM = 4; METRIC_TYPE_SUMMARY = 5; METRIC_TYPE_INFO = 6; METRIC_TYPE_STATESET = 7;
  }
  MetricType type = 1;
  uint32 help_ref = 3;
  uint32 unit_ref = 4;
}`,
  { keepCase: true },
);
const Request2 = root.lookupType('io.prometheus.write.v2.Request');

interface Request2Object {
  readonly symbols: readonly string[];
  readonly timeseries: readonly {
    readonly labels_refs: readonly number[];
    readonly samples: readonly {
      readonly value: string;
      readonly timestamp: string;
      readonly start_timestamp: string;
    }[];
    readonly metadata: { readonly type: string; readonly help_ref: number; readonly unit_ref: number } | null;
  }[];
}

/** A series of a request of remote write 2.0. */
export interface WrittenSeries2 extends WrittenSeries {
  readonly type: string;
  readonly help: string;
  readonly unit: string;
  /** ms; 0: not known. */
  readonly startTimestamp: number;
}

/** Decodes a request of remote write 2.0. @throws Error when it is none, or against the specification */
export function decodeRequest2(bytes: Uint8Array): WrittenSeries2[] {
  assertKnownFields(Request2, bytes);
  const { symbols, timeseries } = Request2.toObject(Request2.decode(bytes), {
    longs: String,
    enums: String,
    defaults: true,
  }) as Request2Object;
  assert.equal(symbols[0], '', 'the first symbol is the empty text');
  assert.equal(new Set(symbols).size, symbols.length, 'each symbol is there once');
  const symbol = (ref: number) => symbols[ref] ?? assert.fail(`no symbol ${ref}`);
  return timeseries.map(({ labels_refs: refs, samples, metadata }) => {
    assert.equal(refs.length % 2, 0, 'references to labels are pairs');
    assert.ok(samples.length > 0, 'a series has samples');
    const order = refs.filter((_, i) => i % 2 === 0).map(symbol);
    const values = refs.filter((_, i) => i % 2 === 1).map(symbol);
    assert.deepEqual(
      order,
      [...new Set(order)].toSorted((a, b) => (a < b ? -1 : 1)),
      'labels are sorted and there once',
    );
    assert.ok(order.includes('__name__') && !values.includes(''), 'labels have values, and one is the name');
    assert.ok(metadata !== null && metadata.type !== 'METRIC_TYPE_UNSPECIFIED', 'a series has a type');
    return {
      labels: Object.fromEntries(order.map((name, i) => [name, values[i]!])),
      order,
      samples: samples.map(({ value, timestamp }) => {
        const bits = BigInt(value);
        return { value: doubleOf(bits), isStale: bits === STALE, timestamp: Number(timestamp) };
      }),
      type: metadata.type,
      help: symbol(metadata.help_ref),
      unit: symbol(metadata.unit_ref),
      startTimestamp: Number(samples[0]!.start_timestamp),
    };
  });
}

/** protobufjs skips what it does not know. */
function assertKnownFields(type: protobuf.Type, bytes: Uint8Array): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = type.fieldsById[tag >>> 3];
    assert.ok(field !== undefined, `${type.name} has no field ${tag >>> 3}`);
    const { resolvedType } = field.resolve();
    if (resolvedType instanceof protobuf.Type) assertKnownFields(resolvedType, reader.bytes());
    else reader.skipType(tag & 7);
  }
}

function doubleOf(bits: bigint): number {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(bits);
  return bytes.readDoubleLE();
}

interface TakenRequest2 {
  readonly headers: IncomingHttpHeaders;
  readonly series: readonly WrittenSeries2[];
}

/** A receiver of remote write 2.0 that takes what the specification allows, and nothing else. */
export class RemoteWriteReceiver2 extends RecordingServer<TakenRequest2> {
  /** Samples of each request that are not written; the answer has the number of the others. */
  unwritten = 0;

  constructor(options?: ConstructorParameters<typeof RecordingServer>[2]) {
    super(
      (headers, body) => {
        assert.equal(headers['content-type'], 'application/x-protobuf;proto=io.prometheus.write.v2.Request');
        assert.equal(headers['content-encoding'], 'snappy');
        assert.equal(headers['x-prometheus-remote-write-version'], '2.0.0');
        return { headers, series: decodeRequest2(unsnappy(body)) };
      },
      '/api/v1/write',
      options,
    );
  }

  protected override completed(reply: Reply, { series }: TakenRequest2): Reply {
    const written = String(series.length - this.unwritten);
    return { ...reply, headers: { 'X-Prometheus-Remote-Write-Samples-Written': written, ...reply.headers } };
  }
}
