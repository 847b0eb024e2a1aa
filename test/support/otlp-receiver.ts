import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import definitions from '@opentelemetry/otlp-transformer/build/src/generated/root.js';

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

/** An OTLP receiver on a free port that answers what it is told to. */
export class OtlpReceiver {
  readonly received: { readonly headers: IncomingHttpHeaders; readonly request: MetricsRequest }[] = [];
  /** Answers to the next requests; afterwards 200. */
  readonly answers: {
    readonly status: number;
    readonly headers?: Record<string, string>;
    readonly body?: Uint8Array;
  }[] = [];
  private readonly server: Server;
  private waiting: (() => void)[] = [];

  private constructor() {
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  static async listen(port = 0): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    receiver.server.listen(port, '127.0.0.1');
    await once(receiver.server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/v1/metrics`;
  }

  /** Waits until so many requests were taken. */
  async taken(count: number): Promise<void> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { status, headers = {}, body: answer = Buffer.alloc(0) } = this.answers.shift() ?? { status: 200 };
    if (status === 200) {
      const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      this.received.push({ headers: request.headers, request: decodeRequest(plain) });
    }
    response.writeHead(status, headers).end(answer);
    for (const wake of this.waiting.splice(0)) wake();
  }
}
