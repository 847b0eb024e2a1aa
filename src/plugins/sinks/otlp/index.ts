import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import {
  definePlugin,
  type ExportSample,
  HttpSender,
  type Naming,
  PLUGIN_API_VERSION,
  type PluginContext,
  type SendResult,
  type Sink,
  type SinkBatch,
} from '../../../kernel/contracts/index.js';
import { gzipHeader, gzipPack } from '../common/index.js';
import { otelNaming } from './conventions.js';
import { RequestEncoder } from './encoder.js';
import { type OtlpOptions, otlpOptions } from './options.js';
import { readResponse } from './wire.js';

class OtlpSink implements Sink {
  readonly format: string;
  readonly naming: Naming;
  readonly pack: Sink['pack'];
  private readonly encoder: RequestEncoder;
  private readonly sender: HttpSender;

  constructor(
    { agent }: PluginContext,
    readonly options: OtlpOptions,
  ) {
    this.naming = otelNaming(options.fields === 'all');
    this.encoder = new RequestEncoder(options, agent);
    this.sender = new HttpSender(options, options.concurrency);
    this.format = `otlp ${options.compression}`;
    this.pack = gzipPack(options.compression);
  }

  encode(sample: ExportSample, out: ByteWriter): number {
    return this.encoder.add(sample, out);
  }

  async send({ body }: SinkBatch, signal: AbortSignal): Promise<SendResult> {
    const { endpoint, compression } = this.options;
    const headers = {
      'Content-Type': 'application/x-protobuf',
      ...gzipHeader(compression),
    };
    const answer = await this.sender.send({ url: endpoint, body, headers, signal });
    return readResponse(answer.body) ?? {};
  }

  stop(): void {
    this.sender.close();
  }
}

export default definePlugin({
  kind: 'sink',
  name: 'otlp',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Sends samples to an OpenTelemetry receiver: OTLP over HTTP, protobuf.',
  configSchema: otlpOptions,
  create: (context, options) => new OtlpSink(context, options),
});
