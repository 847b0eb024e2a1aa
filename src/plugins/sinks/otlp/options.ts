import { duration, glob, secret, size, z } from '../../../kernel/contracts/index.js';

/** Timers cannot wait longer. ms */
const LONGEST = 2 ** 31 - 1;

/** Options of the sink. */
export const otlpOptions = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: 'expected a URL such as http://collector:4318/v1/metrics' })
    .refine((url) => !/^\w+:\/\/[^/]*@/.test(url), {
      error: 'expected a URL without user and password, not this one: say them in headers (Authorization: Basic …)',
    })
    .default('http://127.0.0.1:4318/v1/metrics')
    .describe('Where an OTLP receiver takes metrics over HTTP; with the path, which is `/v1/metrics` mostly.'),
  interval: duration()
    .refine((value) => value >= 100 && value <= LONGEST, { error: 'expected 100ms to 24 days' })
    .prefault('10s')
    .describe('How often the newest sample of each container is sent.'),
  headers: z
    .record(z.string(), secret())
    .default({})
    .describe('HTTP headers to send along, for tokens of services: `{ Authorization: Bearer … }`.'),
  timeout: duration().prefault('10s').describe('Time limit of one request.'),
  compression: z.enum(['gzip', 'none']).default('gzip').describe('How requests are compressed.'),
  batchSize: z
    .int()
    .min(1)
    .default(5_000)
    .describe('Data points in one request, about; never less than a container’s.'),
  queueSize: size()
    .prefault('16MiB')
    .describe(
      'What is kept at most while the receiver does not answer, as sent. Beyond it the oldest is dropped, which is logged and counted.',
    ),
  fields: z
    .enum(['all', 'conventions'])
    .default('all')
    .describe(
      '`conventions`: only what OpenTelemetry has a name for. `all`: every other field as well, as `container.<field>`.',
    ),
  containersInclude: z
    .array(glob())
    .optional()
    .describe('Containers that are sent, as globs over the absolute name or an alias. Absent: all.'),
  containersExclude: z.array(glob()).prefault([]).describe('Containers that are not sent, in the same form.'),
  labels: z
    .array(glob())
    .prefault([])
    .describe('Container labels to send as resource attributes `container.label.<key>`, as globs over the key.'),
});

export type OtlpOptions = z.output<typeof otlpOptions>;
