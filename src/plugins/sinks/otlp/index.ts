import { hostname } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { definePlugin, PLUGIN_API_VERSION, type PluginContext, type Sink } from '../../../kernel/contracts/index.js';
import { Collector } from './collector.js';
import { Delivery } from './delivery.js';
import { RequestEncoder, type ResourceAttributes } from './encoder.js';
import { type OtlpOptions, otlpOptions } from './options.js';

/** Encoding yields to the event loop after this many ms. */
const SLICE = 4;
/** What the last delivery may take, within the second that a sink has to stop. ms */
const LAST_DELIVERY = 900;

const compress = promisify<Buffer | Uint8Array, Buffer>(gzip);

class OtlpSink implements Sink {
  readonly interval: number;
  private readonly collector: Collector;
  private readonly delivery: Delivery;
  private encoder: RequestEncoder | undefined;
  private pushing: Promise<void> = Promise.resolve();

  constructor(
    private readonly context: PluginContext,
    private readonly options: OtlpOptions,
  ) {
    this.interval = options.interval;
    this.collector = new Collector(context.agent, context.clock, options);
    this.delivery = new Delivery(options, context.clock, context.logger);
  }

  push(signal: AbortSignal): Promise<void> {
    this.pushing = this.collectAndDeliver(signal);
    return this.pushing;
  }

  /** Hands over what is new or waits, in one quick try. */
  async stop(): Promise<void> {
    await this.pushing.catch(() => {});
    await this.collectAndDeliver(AbortSignal.timeout(LAST_DELIVERY));
  }

  private async collectAndDeliver(signal: AbortSignal): Promise<void> {
    await this.collect();
    await this.delivery.deliver(signal);
  }

  /** Encodes what is new into requests of about `batchSize` data points. */
  private async collect(): Promise<void> {
    const { clock } = this.context;
    this.encoder ??= new RequestEncoder(this.options, this.context.agent.version, this.host());
    const { encoder } = this;
    let since = clock.monotonic();
    for (const points of this.collector.collect()) {
      encoder.add(points);
      if (encoder.points >= this.options.batchSize) await this.enqueue(encoder);
      else if (clock.monotonic() - since < SLICE) continue;
      else await nextTurn();
      since = clock.monotonic();
    }
    if (encoder.points > 0) await this.enqueue(encoder);
  }

  private async enqueue(encoder: RequestEncoder): Promise<void> {
    const { points } = encoder;
    const body = encoder.finish();
    this.delivery.add(this.options.compression === 'gzip' ? await compress(body) : body, points);
  }

  private host(): ResourceAttributes {
    const { machine_id } = this.context.agent.host.machine();
    return [['host.name', hostname()], ...(machine_id === '' ? [] : [['host.id', machine_id] as const])];
  }
}

export default definePlugin({
  kind: 'sink',
  name: 'otlp',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Sends the newest samples to an OpenTelemetry receiver: OTLP over HTTP, protobuf.',
  configSchema: otlpOptions,
  create: (context, options) => new OtlpSink(context, options),
});
