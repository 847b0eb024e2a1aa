import { type AppRequest, containerMatch, duration, z } from '../../../kernel/contracts/index.js';

/** Options for `https` targets. */
export const tlsOptions = z.strictObject({
  verify: z
    .boolean()
    .optional()
    .describe('Whether certificates must be valid. Without it: only if `ca` is given (containers sign their own).'),
  ca: z.string().optional().describe('PEM file of the authority that signs the certificates.'),
  cert: z.string().optional().describe('PEM file of the client certificate that is shown.'),
  key: z.string().optional().describe('PEM file of its key.'),
  serverName: z.string().optional().describe('The name that certificates must have.'),
});

export type TlsOptions = z.output<typeof tlsOptions>;

/** Members of an entry of `targets`: which containers, and where they answer. */
export const targetShape = (defaultPath: string) => ({
  name: z.string().min(1).describe('Shown in messages, to tell the targets of a container apart.'),
  match: containerMatch().describe('Which containers are meant.'),
  port: z.int().min(1).max(65535).optional().describe('TCP port in the container. This or `socket` is needed.'),
  socket: z
    .string()
    .regex(/^\//, { error: 'expected an absolute path' })
    .optional()
    .describe('Path of a unix socket inside the container, instead of `port`.'),
  host: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Host to ask instead of the container’s own address; needed for systemd units and raw cgroups (`127.0.0.1`). The agent trusts what is written here.',
    ),
  scheme: z.enum(['http', 'https']).default('http').describe('`http` or `https`.'),
  path: z
    .string()
    .regex(/^\//, { error: 'expected a path that starts with /' })
    .default(defaultPath)
    .describe('Path of the URL.'),
  headers: z.record(z.string(), z.string()).default({}).describe('Headers to send: `{Authorization: Bearer …}`.'),
  interval: duration().optional().describe('Time between two collections. Without it the plugin’s `interval`.'),
  timeLimit: duration().optional().describe('Time that a collection may take, `5s` at most.'),
});

/** Whether an entry says where to ask: a port or a socket. */
export const hasOneEndpoint = ({ port, socket }: Pick<EndpointOptions, 'port' | 'socket'>): boolean =>
  (port === undefined) !== (socket === undefined);

/** What goes with `hasOneEndpoint`. */
export const ONE_ENDPOINT = { path: ['port'], error: 'expected either port or socket' };

/** What an entry says of the endpoint. */
export interface EndpointOptions {
  readonly port?: number | undefined;
  readonly socket?: string | undefined;
  readonly host?: string | undefined;
  readonly scheme: 'http' | 'https';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function requestOf({ port, socket, host, scheme, path, headers }: EndpointOptions): AppRequest {
  return {
    scheme,
    path,
    headers,
    ...(port === undefined ? {} : { port }),
    ...(socket === undefined ? {} : { socket }),
    ...(host === undefined ? {} : { host }),
  };
}
