import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import {
  definePlugin,
  type ExportContainer,
  type ExportSample,
  HttpSender,
  httpOptions,
  httpUrl,
  PLUGIN_API_VERSION,
  type Sink,
  type SinkBatch,
  sinkOptions,
  z,
} from '../../../kernel/contracts/index.js';
import { WriteRequestEncoder } from './encoder.js';
import { SnappyCompressor } from './snappy.js';

const options = z.strictObject({
  url: httpUrl('http://prometheus:9090/api/v1/write').describe(
    'Where a receiver takes remote writes: `http://prometheus:9090/api/v1/write`, `http://victoriametrics:8428/api/v1/write`.',
  ),
  ...httpOptions,
  ...sinkOptions,
});

type RemoteWriteOptions = z.output<typeof options>;

const HEADERS = {
  'Content-Type': 'application/x-protobuf',
  'Content-Encoding': 'snappy',
  'X-Prometheus-Remote-Write-Version': '0.1.0',
};

class RemoteWriteSink implements Sink {
  readonly format = 'remote-write 1.0 snappy';
  private readonly encoder = new WriteRequestEncoder();
  private readonly compressor = new SnappyCompressor();
  private readonly sender: HttpSender;

  constructor(readonly options: RemoteWriteOptions) {
    this.sender = new HttpSender(options, options.concurrency);
  }

  encode(sample: ExportSample, out: ByteWriter): number {
    return this.encoder.add(sample, out);
  }

  encodeEnd(container: ExportContainer, time: number, out: ByteWriter): number {
    return this.encoder.end(container, time, out);
  }

  pack(body: Buffer): Buffer {
    return Buffer.from(this.compressor.compress(body));
  }

  async send({ body }: SinkBatch, signal: AbortSignal): Promise<void> {
    await this.sender.send({ url: this.options.url, body, headers: HEADERS, signal });
  }

  stop(): void {
    this.sender.close();
  }
}

export default definePlugin({
  kind: 'sink',
  name: 'remote-write',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Sends samples to Prometheus, VictoriaMetrics, Mimir and others: remote write 1.0.',
  configSchema: options,
  create: (_, parsed) => new RemoteWriteSink(parsed),
});
