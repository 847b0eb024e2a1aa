import type { IncomingHttpHeaders } from 'node:http';
import { gunzipSync } from 'node:zlib';
import definitions from '@opentelemetry/otlp-transformer/build/src/generated/root.js';
import { RecordingServer } from './recording-server.js';

/** Messages as protobufjs makes them of the official definitions, which OpenTelemetry's own package carries. */
interface Codec<T> {
  decode(bytes: Uint8Array): { toJSON(): T };
  encode(message: object): { finish(): Uint8Array };
}

type Attribute = { key: string; value: { stringValue: string } };

export interface DataPoint {
  readonly attributes?: readonly Attribute[];
  readonly startTimeUnixNano?: string;
  readonly timeUnixNano: string;
  /** A 64-bit integer as text. */
  readonly asInt?: string;
  readonly asDouble?: number;
}

export interface Metric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly gauge?: { readonly dataPoints: readonly DataPoint[] };
  readonly sum?: {
    readonly dataPoints: readonly DataPoint[];
    readonly aggregationTemporality: string;
    readonly isMonotonic?: boolean;
  };
}

export interface MetricsRequest {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly schemaUrl: string;
    readonly scopeMetrics: readonly {
      readonly scope: { readonly name: string; readonly version: string };
      readonly metrics: readonly Metric[];
    }[];
  }[];
}

const root = definitions as unknown as {
  opentelemetry: { proto: { collector: { metrics: { v1: Record<string, Codec<unknown>> } } } };
};
const { v1 } = root.opentelemetry.proto.collector.metrics;
const requests = v1.ExportMetricsServiceRequest as Codec<MetricsRequest>;
const responses = v1.ExportMetricsServiceResponse as Codec<unknown>;

/** @throws Error when the bytes are no `ExportMetricsServiceRequest` */
export function decodeRequest(bytes: Uint8Array): MetricsRequest {
  return requests.decode(bytes).toJSON();
}

export function encodePartialSuccess(rejectedDataPoints: number, errorMessage: string): Uint8Array {
  return responses.encode({ partialSuccess: { rejectedDataPoints, errorMessage } }).finish();
}

/** Attributes as an object. */
export function attributesOf(attributes: readonly Attribute[] = []): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));
}

interface OtlpRequest {
  readonly headers: IncomingHttpHeaders;
  readonly request: MetricsRequest;
}

/** A receiver of OTLP over HTTP. */
export class OtlpReceiver extends RecordingServer<OtlpRequest> {
  constructor(options?: ConstructorParameters<typeof RecordingServer>[2]) {
    const decode = (headers: IncomingHttpHeaders, body: Buffer) => {
      const plain = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      return { headers, request: decodeRequest(plain) };
    };
    super(decode, '/v1/metrics', options);
    this.reply = { status: 200 };
  }
}
