import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import {
  DeliveryError,
  definePlugin,
  messageOf,
  PLUGIN_API_VERSION,
  type Sink,
  sinkOptions,
  z,
} from '../../../kernel/contracts/index.js';
import { destinationOf, HOST_PORT } from '../common/index.js';
import { datagramsOf, gaugeEncoder } from './encoder.js';

const statsdOptions = z.strictObject({
  address: z
    .string()
    .regex(HOST_PORT, {
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

function statsdSink(options: z.output<typeof statsdOptions>): Sink {
  const { address, tags, datagramSize } = options;
  let socket: Promise<Socket> | undefined;
  /** The kernel reports that nothing listened when an earlier datagram arrived. */
  let failure: unknown;
  const close = () => {
    void socket?.then((open) => open.close()).catch(() => {});
    socket = undefined;
    failure = undefined;
  };
  return {
    options,
    format: `statsd ${tags}`,
    encode: gaugeEncoder(tags === 'dogstatsd'),
    async send({ body }, signal) {
      try {
        socket ??= connect(address, (error) => {
          failure = error;
        });
        const open = await socket;
        for (const datagram of datagramsOf(body, datagramSize)) {
          signal.throwIfAborted();
          await sendOne(open, datagram);
          if (failure !== undefined) throw failure;
        }
      } catch (error) {
        close();
        throw new DeliveryError(`${address} ${messageOf(error)}`, { cause: error });
      }
    },
    stop: close,
  };
}

async function connect(address: string, onError: (error: Error) => void): Promise<Socket> {
  const { host, port } = destinationOf(address);
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  try {
    socket.connect(port, host);
    await once(socket, 'connect');
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket.on('error', onError);
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
  create: (_context, options) => statsdSink(options),
});
