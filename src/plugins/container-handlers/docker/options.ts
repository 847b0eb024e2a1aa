import { duration, z } from '../../../kernel/contracts/index.js';
import { connectionOptions, oneOrMore, publishingOptions } from '../common/index.js';
import { type Endpoint, parseEndpoint } from './endpoint.js';

const endpoint = z.string().transform((input, context): Endpoint => {
  const parsed = parseEndpoint(input);
  if (typeof parsed !== 'string') return parsed;
  context.addIssue({ code: 'custom', message: parsed });
  return z.NEVER;
});

const tls = z.strictObject({
  ca: z.string().optional().describe('PEM file of the authority that signed the engine’s certificate.'),
  cert: z.string().optional().describe('PEM file of the client certificate.'),
  key: z.string().optional().describe('PEM file of the client key.'),
});

/** The options of an engine's plugin; engines differ in the default address only. */
export const engineOptions = (defaultEndpoint: string) =>
  z.strictObject({
    endpoint: oneOrMore(endpoint)
      .prefault(defaultEndpoint)
      .describe(
        `Address of the engine: \`unix:///path\`, \`tcp://host:port\` or \`https://host:port\`; a list for several engines.`,
      ),
    tls: tls.prefault({}).describe('Files for `https://` endpoints, read again at every connect.'),
    ...connectionOptions,
    engineUsage: z
      .boolean()
      .default(false)
      .describe(
        'Ask the engine what its images and volumes take up on disk. It walks through all volumes for that: minutes of disk I/O where they are large.',
      ),
    engineUsageInterval: duration()
      .refine((value) => value >= 60_000, { error: 'expected at least 1m' })
      .prefault('1h')
      .describe('How often it is asked; at least `1m`.'),
    ...publishingOptions,
  });

/** The options as they hold for one of the endpoints. */
export interface DaemonOptions extends Omit<z.output<ReturnType<typeof engineOptions>>, 'endpoint'> {
  readonly endpoint: Endpoint;
  readonly namespace: string;
}
