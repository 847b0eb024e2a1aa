import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import {
  definePlugin,
  type ExportSample,
  HttpSender,
  httpOptions,
  httpUrl,
  PLUGIN_API_VERSION,
  type SendResult,
  type Sink,
  type SinkBatch,
  secret,
  sinkOptions,
  z,
} from '../../../kernel/contracts/index.js';
import { compressionOption, gzipHeader, gzipPack, layoutOption } from '../common/index.js';
import { resultOf } from './answer.js';
import { BulkEncoder, DriverBulkEncoder } from './encoder.js';

/** The answer has the status of each document, and why it was refused. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

const elasticOptions = z.strictObject({
  url: httpUrl('http://elasticsearch:9200')
    .default('http://127.0.0.1:9200')
    .describe('Where Elasticsearch or OpenSearch answers, without the path of bulk requests.'),
  index: z
    .string()
    .regex(/^(?![-_+.])[^A-Z\\/*?"<>| ,#:]{1,255}$/, {
      error: 'expected the name of an index or data stream: lower case, without \\ / * ? " < > | , # : and spaces',
    })
    .default('metrics-tallyman-default')
    .describe('Data stream, index or alias to write to.'),
  layout: layoutOption('documents as cAdvisor’s driver wrote them, for an index that is no data stream.'),
  apiKey: secret().optional().describe('API key, as Elasticsearch shows it (`encoded`).'),
  compression: compressionOption(),
  ...httpOptions,
  ...sinkOptions,
});

type ElasticOptions = z.output<typeof elasticOptions>;

class ElasticSink implements Sink {
  readonly format: string;
  readonly pack: Sink['pack'];
  readonly containersOnly: boolean;
  private readonly encoder: { write(out: ByteWriter, sample: ExportSample): number };
  private readonly sender: HttpSender;
  private readonly url: string;
  private readonly headers: Readonly<Record<string, string>>;

  constructor(readonly options: ElasticOptions) {
    const { url, index, layout, compression, apiKey, concurrency } = options;
    this.format = `bulk ${layout} ${compression}`;
    this.encoder = layout === 'cadvisor' ? new DriverBulkEncoder(options) : new BulkEncoder();
    this.containersOnly = layout === 'cadvisor';
    this.pack = gzipPack(compression);
    const query = 'filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason';
    this.url = `${url.replace(/\/$/, '')}/${encodeURIComponent(index)}/_bulk?${query}`;
    this.headers = {
      'Content-Type': 'application/x-ndjson',
      ...gzipHeader(compression),
      ...(apiKey !== undefined && { Authorization: `ApiKey ${apiKey}` }),
    };
    this.sender = new HttpSender(options, concurrency);
  }

  encode(sample: ExportSample, out: ByteWriter): number {
    return this.encoder.write(out, sample);
  }

  async send({ body }: SinkBatch, signal: AbortSignal): Promise<SendResult> {
    const { url, headers } = this;
    const answer = await this.sender.send({ url, body, headers, signal, maxAnswerBytes: MAX_ANSWER_BYTES });
    return resultOf(answer.body);
  }

  stop(): void {
    this.sender.close();
  }
}

export default definePlugin({
  kind: 'sink',
  name: 'elasticsearch',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Writes samples to Elasticsearch or OpenSearch by bulk requests: data streams or indexes.',
  configSchema: elasticOptions,
  create: (_context, options) => new ElasticSink(options),
});
