import { httpOptions, httpUrl, sinkOptions, z } from '../../../kernel/contracts/index.js';
import { compressionOption } from '../common/index.js';

const otelName = () =>
  z.string().regex(/^[A-Za-z][\w./-]*$/, { error: 'expected a metric name such as container.cpu.time' });

/** Options of the sink. */
export const otlpOptions = z.strictObject({
  endpoint: httpUrl('http://collector:4318/v1/metrics')
    .default('http://127.0.0.1:4318/v1/metrics')
    .describe('Where an OTLP receiver takes metrics over HTTP; with the path, which is `/v1/metrics` mostly.'),
  compression: compressionOption(),
  fields: z
    .enum(['all', 'conventions'])
    .default('all')
    .describe(
      '`conventions`: only what OpenTelemetry has a name for. `all`: every other field as well, as `container.<field>`.',
    ),
  ...httpOptions,
  ...sinkOptions,
  metricRename: z
    .record(z.string(), otelName())
    .default({})
    .describe('Other names for metrics: name → new name. `metricsInclude` and `metricsExclude` see the old names.'),
  metricPrefix: z
    .union([z.literal(''), otelName()])
    .default('')
    .describe('What all names of metrics begin with, before and besides `metricRename`.'),
});

export type OtlpOptions = z.output<typeof otlpOptions>;
