import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import {
  DeliveryError,
  definePlugin,
  type ExportSample,
  messageOf,
  PLUGIN_API_VERSION,
  type Sink,
  type SinkBatch,
  sinkOptions,
  z,
} from '../../../kernel/contracts/index.js';
import { datagramsOf, GaugeEncoder } from './encoder.js';

const statsdOptions = z.strictObject({
  address: z
    .string()
    .regex(/^(\[[\da-fA-F:.]+\]|[^\s:[\]/]+):\d{1,5}$/, {
      error: 'expected host:port or [IPv6]:port; sockets of files (unixgram) cannot be used from Node.js',
    })
    .default('127.0.0.1:8125')
    .describe('Where the daemon takes UDP: `host:8125`.'),
  tags: z
    .enum(['dogstatsd', 'none'])
    .default('dogstatsd')
    .describe(
      '`dogstatsd`: labels as tags (`|#name:value`). `none`: names are `host.container.metric.value`, for daemons without tags.',
    ),
  datagramSize: z
    .int()
    .min(128)
    .max(65_507)
    .default(1_432)
    .describe('Bytes of a datagram: what the network carries in one packet.'),
  ...sinkOptions,
});

type StatsdOptions = z.output<typeof statsdOptions>;

class StatsdSink implements Sink {
  readonly format: string;
  private readonly encoder: GaugeEncoder;
  private socket: Promise<Socket> | undefined;
  private failure: unknown;

  constructor(readonly options: StatsdOptions) {
    this.format = `statsd ${options.tags}`;
    this.encoder = new GaugeEncoder(options.tags === 'dogstatsd');
  }

  encode(sample: ExportSample, out: ByteWriter): number {
    return this.encoder.write(out, sample);
  }

  async send({ body }: SinkBatch, signal: AbortSignal): Promise<void> {
    const { address, datagramSize } = this.options;
    try {
      this.socket ??= this.connect();
      const socket = await this.socket;
      for (const datagram of datagramsOf(body, datagramSize)) {
        signal.throwIfAborted();
        await sendOne(socket, datagram);
        // The kernel reports that nothing listened when an earlier datagram arrived.
        if (this.failure !== undefined) throw this.failure;
      }
    } catch (error) {
      this.close();
      throw new DeliveryError(`${address} ${messageOf(error)}`, { cause: error });
    }
  }

  stop(): void {
    this.close();
  }

  private async connect(): Promise<Socket> {
    const [, host, port] = /^(.*):(\d+)$/.exec(this.options.address)!;
    const name = host!.replace(/^\[|\]$/g, '');
    const socket = createSocket(isIPv6(name) ? 'udp6' : 'udp4');
    this.failure = undefined;
    try {
      socket.connect(Number(port), name);
      await once(socket, 'connect');
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.on('error', (error) => {
      this.failure = error;
    });
    return socket;
  }

  private close(): void {
    void this.socket?.then((socket) => socket.close()).catch(() => {});
    this.socket = undefined;
  }
}

function sendOne(socket: Socket, datagram: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(datagram, (error) => (error == null ? resolve() : reject(error)));
  });
}

export default definePlugin({
  kind: 'sink',
  name: 'statsd',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Sends samples as gauges to StatsD, DogStatsD, Telegraf or Vector: UDP.',
  configSchema: statsdOptions,
  create: (_context, options) => new StatsdSink(options),
});
