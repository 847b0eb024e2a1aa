import { type ByteWriter, zstd } from '../../../kernel/contracts/bytes/index.js';
import {
  DeliveryError,
  definePlugin,
  type HttpAnswer,
  HttpRefusal,
  HttpSender,
  httpOptions,
  httpUrl,
  PLUGIN_API_VERSION,
  type SendResult,
  type Sink,
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
const HEADERS = {
  1: {
    'Content-Type': 'application/x-protobuf',
    'X-Prometheus-Remote-Write-Version': '0.1.0',
  },
  2: {
    'Content-Type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
    'X-Prometheus-Remote-Write-Version': '2.0.0',
  },
};
const TAKE_VERSION_1 = 'with `version: 1` it takes what is measured from then on';

function remoteWriteSink(options: RemoteWriteOptions): Sink {
  const { url, version, compression, concurrency } = options;
  const sender = new HttpSender(options, concurrency);
  const compressor = new SnappyCompressor();
  const headers = { ...HEADERS[version], 'Content-Encoding': compression };
  /** For version 2 one for each body under construction, because each body has its own table of symbols. */
  const encoders = new Map<ByteWriter | undefined, WriteRequestEncoder | SymbolRequestEncoder>();
  const encoderOf = (out: ByteWriter) => {
    const key = version === 2 ? out : undefined;
    let encoder = encoders.get(key);
    if (encoder === undefined) {
      encoder = version === 2 ? new SymbolRequestEncoder() : new WriteRequestEncoder();
      encoders.set(key, encoder);
    }
    return encoder;
  };
  return {
    options,
    format: `remote-write ${version}.0 ${compression}`,
    begin: (out) => encoderOf(out).begin(),
    encode: (sample, out) => encoderOf(out).add(sample, out),
    encodeEnd: (container, time, out) => encoderOf(out).end(container, time, out),
    state: (containers) => JSON.stringify(Array.from(encoders.values(), (encoder) => encoder.state(containers))),
    endMissing(state, isThere, time, out) {
      const encoder = encoderOf(out);
      const states = JSON.parse(state) as readonly string[];
      return states.reduce((points, one) => points + encoder.endMissing(one, isThere, time, out), 0);
    },
    finish: (out) => encoderOf(out).finish(out),
    pack(body) {
      if (compression === 'gzip') return gzipBody(body);
      if (compression === 'zstd') return zstd!(body);
      return Buffer.from(compressor.compress(body));
    },
    async send({ body, points }, signal) {
      const answer = sender.send({ url, body, headers, signal });
      if (version === 2) return resultOf(answer, points);
      await answer;
      return {};
    },
    stop: () => sender.close(),
  };
}

/** What a receiver of version 2 says of a batch. */
async function resultOf(sending: Promise<HttpAnswer>, points: number): Promise<SendResult> {
  try {
    const written = writtenOf(await sending);
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
  create: (_, parsed) => remoteWriteSink(parsed),
});
