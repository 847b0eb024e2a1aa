import { type ByteWriter, zstd } from '../../../kernel/contracts/bytes/index.js';
import {
  DeliveryError,
  definePlugin,
  type ExportContainer,
  type ExportSample,
  type HttpAnswer,
  HttpRefusal,
  HttpSender,
  httpOptions,
  httpUrl,
  type Label,
  PLUGIN_API_VERSION,
  type SendResult,
  type Sink,
  type SinkBatch,
  sinkOptions,
  z,
} from '../../../kernel/contracts/index.js';
import { gzipBody } from '../common/index.js';
import { SnappyCompressor } from './snappy.js';
import { SymbolRequestEncoder } from './symbol-request.js';
import { WriteRequestEncoder } from './write-request.js';

const options = z.strictObject({
  url: httpUrl('http://prometheus:9090/api/v1/write').describe(
    'Where a receiver takes remote writes: `http://prometheus:9090/api/v1/write`, `http://victoriametrics:8428/api/v1/write`.',
  ),
  version: z
    .union([z.literal(1), z.literal(2)])
    .default(1)
    .describe(
      'Version of the protocol. `2` needs less room and includes type, help and start of counters; few receivers take it.',
    ),
  compression: z
    .enum(['snappy', 'gzip', 'zstd'])
    .default('snappy')
    .refine((compression) => compression !== 'zstd' || zstd !== undefined, {
      error: `expected snappy or gzip: Node.js ${process.versions.node} has no zstd (22.15 and newer do)`,
    })
    .describe(
      'How requests are compressed. Every receiver takes `snappy`; `zstd` is for VictoriaMetrics from 1.88 on, `gzip` for gateways that ask for it.',
    ),
  ...httpOptions,
  ...sinkOptions,
});

type RemoteWriteOptions = z.output<typeof options>;

const UNSUPPORTED = 415;
const HEADERS_1 = {
  'Content-Type': 'application/x-protobuf',
  'X-Prometheus-Remote-Write-Version': '0.1.0',
};
const HEADERS_2 = {
  'Content-Type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
  'X-Prometheus-Remote-Write-Version': '2.0.0',
};
const TAKE_VERSION_1 = 'with `version: 1` it takes what is measured from then on';

/** The part that both versions share. */
abstract class RemoteWriteSink<E extends WriteRequestEncoder | SymbolRequestEncoder> implements Sink {
  abstract readonly format: string;
  private readonly compressor = new SnappyCompressor();
  private readonly sender: HttpSender;

  constructor(readonly options: RemoteWriteOptions) {
    this.sender = new HttpSender(options, options.concurrency);
  }

  protected post(
    body: Uint8Array,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { url, compression } = this.options;
    return this.sender.send({ url, body, headers: { ...headers, 'Content-Encoding': compression }, signal });
  }

  protected abstract encoderOf(out: ByteWriter): E;
  protected abstract encoders(): Iterable<E>;
  abstract send(batch: SinkBatch, signal: AbortSignal): Promise<SendResult>;

  encode(sample: ExportSample, out: ByteWriter): number {
    return this.encoderOf(out).add(sample, out);
  }

  encodeEnd(container: ExportContainer, time: number, out: ByteWriter): number {
    return this.encoderOf(out).end(container, time, out);
  }

  state(containers: readonly ExportContainer[]): string {
    return JSON.stringify(Array.from(this.encoders(), (encoder) => encoder.state(containers)));
  }

  endMissing(state: string, isThere: (labels: readonly Label[]) => boolean, time: number, out: ByteWriter): number {
    const encoder = this.encoderOf(out);
    const states = JSON.parse(state) as readonly string[];
    return states.reduce((points, one) => points + encoder.endMissing(one, isThere, time, out), 0);
  }

  pack(body: Buffer): Buffer | Promise<Buffer> {
    const { compression } = this.options;
    if (compression === 'gzip') return gzipBody(body);
    if (compression === 'zstd') return zstd!(body);
    return Buffer.from(this.compressor.compress(body));
  }

  stop(): void {
    this.sender.close();
  }
}

class RemoteWrite1 extends RemoteWriteSink<WriteRequestEncoder> {
  readonly format = `remote-write 1.0 ${this.options.compression}`;
  private readonly encoder = new WriteRequestEncoder();

  async send({ body }: SinkBatch, signal: AbortSignal): Promise<SendResult> {
    await this.post(body, HEADERS_1, signal);
    return {};
  }

  protected override encoderOf(): WriteRequestEncoder {
    return this.encoder;
  }

  protected override encoders(): Iterable<WriteRequestEncoder> {
    return [this.encoder];
  }
}

class RemoteWrite2 extends RemoteWriteSink<SymbolRequestEncoder> {
  readonly format = `remote-write 2.0 ${this.options.compression}`;
  /** One for each body under construction, because each body has its own table of symbols. */
  private readonly encoderByOut = new Map<ByteWriter, SymbolRequestEncoder>();

  begin(out: ByteWriter): void {
    this.encoderOf(out).begin();
  }

  finish(out: ByteWriter): void {
    this.encoderOf(out).finish(out);
  }

  async send({ body, points }: SinkBatch, signal: AbortSignal): Promise<SendResult> {
    try {
      const answer = await this.post(body, HEADERS_2, signal);
      const written = writtenOf(answer);
      // A receiver of 1.0 finds no field that it knows in the request, and answers with success.
      if (written === undefined) {
        throw new DeliveryError('the receiver does not say what it has written, as one of remote write 2.0 does', {
          hint: TAKE_VERSION_1,
        });
      }
      if (written >= points) return {};
      return { rejected: points - written, message: `${written} of ${points} samples were written` };
    } catch (error) {
      if (!(error instanceof HttpRefusal)) throw error;
      if (error.answer.status === UNSUPPORTED)
        throw new DeliveryError(error.message, { cause: error, hint: TAKE_VERSION_1 });
      const written = writtenOf(error.answer) ?? 0;
      if (!error.isPermanent || written === 0) throw error;
      return { rejected: points - written, message: error.message };
    }
  }

  protected override encoderOf(out: ByteWriter): SymbolRequestEncoder {
    let encoder = this.encoderByOut.get(out);
    if (encoder === undefined) {
      encoder = new SymbolRequestEncoder();
      this.encoderByOut.set(out, encoder);
    }
    return encoder;
  }

  protected override encoders(): Iterable<SymbolRequestEncoder> {
    return this.encoderByOut.values();
  }
}

/** Samples that the receiver wrote; `undefined` when it does not say. */
function writtenOf({ headers }: HttpAnswer): number | undefined {
  const text = headers['x-prometheus-remote-write-samples-written'];
  return typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : undefined;
}

export default definePlugin({
  kind: 'sink',
  name: 'remote-write',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Sends samples to Prometheus, VictoriaMetrics, Mimir and others: remote write 1.0 or 2.0.',
  configSchema: options,
  create: (_, parsed) => (parsed.version === 2 ? new RemoteWrite2(parsed) : new RemoteWrite1(parsed)),
});
