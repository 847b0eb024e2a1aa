import {
  type AgentView,
  definePlugin,
  HttpSender,
  PLUGIN_API_VERSION,
  type Sink,
} from '../../../kernel/contracts/index.js';
import { gzipHeader, gzipPack } from '../common/index.js';
import { otelNaming } from './conventions.js';
import { RequestEncoder } from './encoder.js';
import { type OtlpOptions, otlpOptions } from './options.js';
import { readResponse } from './wire.js';

function otlpSink(agent: AgentView, options: OtlpOptions): Sink {
  const { endpoint: url, compression, concurrency } = options;
  const encoder = new RequestEncoder(options, agent);
  const sender = new HttpSender(options, concurrency);
  const headers = { 'Content-Type': 'application/x-protobuf', ...gzipHeader(compression) };
  return {
    options,
    format: `otlp ${compression}`,
    naming: otelNaming(options.fields === 'all'),
    pack: gzipPack(compression),
    encode: (sample, out) => encoder.add(sample, out),
    async send({ body }, signal) {
      const answer = await sender.send({ url, body, headers, signal });
      return readResponse(answer.body) ?? {};
    },
    stop: () => sender.close(),
  };
}

export default definePlugin({
  kind: 'sink',
  name: 'otlp',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Sends samples to an OpenTelemetry receiver: OTLP over HTTP, protobuf.',
  configSchema: otlpOptions,
  create: ({ agent }, options) => otlpSink(agent, options),
});
