import {
  definePlugin,
  HttpSender,
  httpOptions,
  httpUrl,
  PLUGIN_API_VERSION,
  type Sink,
  secret,
  sinkOptions,
  z,
} from '../../../kernel/contracts/index.js';
import { compressionOption, gzipHeader, gzipPack, layoutOption } from '../common/index.js';
import { resultOf } from './answer.js';
import { bulkEncoder, driverBulkEncoder } from './encoder.js';

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

function elasticSink(options: z.output<typeof elasticOptions>): Sink {
  const { index, layout, compression, apiKey, concurrency } = options;
  const sender = new HttpSender(options, concurrency);
  const query = 'filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason';
  const url = `${options.url.replace(/\/$/, '')}/${encodeURIComponent(index)}/_bulk?${query}`;
  const headers = {
    'Content-Type': 'application/x-ndjson',
    ...gzipHeader(compression),
    ...(apiKey !== undefined && { Authorization: `ApiKey ${apiKey}` }),
  };
  return {
    options,
    format: `bulk ${layout} ${compression}`,
    containersOnly: layout === 'cadvisor',
    pack: gzipPack(compression),
    encode: layout === 'cadvisor' ? driverBulkEncoder(options) : bulkEncoder(),
    async send({ body }, signal) {
      const answer = await sender.send({ url, body, headers, signal, maxAnswerBytes: MAX_ANSWER_BYTES });
      return resultOf(answer.body);
    },
    stop: () => sender.close(),
  };
}

export default definePlugin({
  kind: 'sink',
  name: 'elasticsearch',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Writes samples to Elasticsearch or OpenSearch by bulk requests: data streams or indexes.',
  configSchema: elasticOptions,
  create: (_context, options) => elasticSink(options),
});
