import {
  DeliveryError,
  definePlugin,
  type ExportContainer,
  HttpSender,
  httpOptions,
  httpUrl,
  type Label,
  PLUGIN_API_VERSION,
  type SendResult,
  type Sink,
  secret,
  sinkOptions,
  z,
} from '../../../kernel/contracts/index.js';
import {
  compressionOption,
  driverName,
  gzipHeader,
  gzipPack,
  layoutOption,
  machineName,
  rawLabels,
} from '../common/index.js';
import { driverLineEncoder, lineEncoder } from './lines.js';

const influxOptions = z
  .strictObject({
    url: httpUrl('http://influxdb:8086')
      .default('http://127.0.0.1:8086')
      .describe('Where InfluxDB answers, without the path of writes.'),
    database: z.string().min(1).optional().describe('Database to write to, by the API of InfluxDB 1.'),
    retentionPolicy: z.string().min(1).optional().describe('Its retention policy. Absent: the default one.'),
    bucket: z.string().min(1).optional().describe('Bucket to write to, by the API of InfluxDB 2 and 3.'),
    org: z.string().min(1).optional().describe('Organisation that the bucket belongs to.'),
    token: secret().optional().describe('Token of InfluxDB 2, sent as `Authorization: Token …`.'),
    layout: layoutOption('measurements, tags and fields as cAdvisor’s driver wrote them.'),
    compression: compressionOption(),
    ...httpOptions,
    ...sinkOptions,
  })
  .refine(({ database, bucket }) => (database === undefined) !== (bucket === undefined), {
    error: 'expected either database (InfluxDB 1) or bucket (InfluxDB 2 and 3)',
  });

type InfluxOptions = z.output<typeof influxOptions>;

function influxSink(options: InfluxOptions): Sink {
  const { layout, compression, token, concurrency } = options;
  const sender = new HttpSender(options, concurrency);
  const url = writeUrl(options);
  const headers = {
    'Content-Type': 'text/plain; charset=utf-8',
    ...gzipHeader(compression),
    ...(token !== undefined && { Authorization: `Token ${token}` }),
  };
  return {
    options,
    format: `line-protocol ${layout} ${compression}`,
    containersOnly: layout === 'cadvisor',
    pack: gzipPack(compression),
    encode: layout === 'cadvisor' ? driverLineEncoder((container) => driverTags(container, options)) : lineEncoder(),
    async send({ body, points }, signal) {
      try {
        await sender.send({ url, body, headers, signal });
        return {};
      } catch (error) {
        if (!(error instanceof DeliveryError) || !error.isPermanent) throw error;
        return judge(error, points);
      }
    },
    stop: () => sender.close(),
  };
}

function writeUrl({ url, database, retentionPolicy, bucket, org }: InfluxOptions): string {
  const query =
    database === undefined ? { bucket, org, precision: 'us' } : { db: database, rp: retentionPolicy, precision: 'u' };
  const target = new URL(url);
  target.pathname = `${target.pathname.replace(/\/$/, '')}${database === undefined ? '/api/v2/write' : '/write'}`;
  for (const [name, value] of Object.entries(query)) if (value !== undefined) target.searchParams.set(name, value);
  return target.href;
}

function driverTags(container: ExportContainer, options: InfluxOptions): readonly Label[] {
  const { cluster, externalLabels } = options;
  return Object.entries({
    ...externalLabels,
    ...(cluster !== undefined && { cluster }),
    machine: machineName(options),
    container_name: driverName(container),
    ...rawLabels(container.description, options),
  });
}

/** What a refusal means: points of the batch that were left out, or a database that may be created later. */
function judge(error: DeliveryError, points: number): SendResult {
  const { message } = error;
  const [, dropped] = /partial write.*\bdropped=(\d+)/.exec(message) ?? [];
  if (dropped !== undefined) return { rejected: Math.min(points, Number(dropped)), message };
  if (/(database|bucket|retention policy) .*not found|not found: .*bucket/i.test(message)) {
    throw new DeliveryError(message, { cause: error, hint: 'create it: what waits is sent then' });
  }
  throw error;
}

export default definePlugin({
  kind: 'sink',
  name: 'influxdb',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Writes samples to InfluxDB 1 to 3, VictoriaMetrics or Telegraf: line protocol over HTTP.',
  configSchema: influxOptions,
  create: (_context, options) => influxSink(options),
});
