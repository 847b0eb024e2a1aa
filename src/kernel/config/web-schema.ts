import { z } from '../contracts/index.js';
import { flag, interval, sizeFrom } from './fields.js';
import { isLoopbackAddress, parseListenAddress } from './listen.js';

const listenAddress = z.string().refine((text) => parseListenAddress(text) !== undefined, {
  error: 'expected host:port, [IPv6 address]:port, :port (all interfaces) or unix:/path',
});

/** A file that is reloaded when it changes; `credential:NAME` is a systemd credential of the service. */
const secretFile = (description: string, example: string) =>
  z
    .string()
    .regex(/^(?!credential:)[^\0]+$|^credential:[\w.@-]+$/, {
      error: 'expected the path of a file, or credential:NAME for a credential of the systemd unit',
    })
    .optional()
    .meta({ description, examples: [example] });

const accountName = (what: string) =>
  z
    .string()
    .regex(/^([A-Za-z_][\w.-]*\$?|\d{1,10})$/, { error: `expected the name or number of a ${what}` })
    .optional();

const unixSocket = z.strictObject({
  mode: z
    .string()
    .regex(/^0?[0-7]{3}$/, { error: 'expected a file mode such as "0660"' })
    .default('0660')
    .describe('File mode of `unix:` sockets: write permission allows connecting.'),
  user: accountName('user').meta({ description: 'Owner of `unix:` sockets. Default: the agent’s user.' }),
  group: accountName('group').meta({
    description: 'Group of `unix:` sockets. Default: the agent’s group.',
    examples: ['monitoring'],
  }),
});

const tls = z
  .strictObject({
    cert: secretFile('PEM file of the certificate and its chain. Enables TLS for TCP.', '/etc/tallyman/tls/cert.pem'),
    key: secretFile('PEM file of the private key.', '/etc/tallyman/tls/key.pem'),
    clientCa: secretFile('PEM file of the authorities that sign client certificates.', '/etc/tallyman/tls/clients.pem'),
    clientCertificates: z
      .enum(['none', 'optional', 'required'])
      .default('none')
      .describe(
        'Client certificates: `required` rejects clients without one, `optional` accepts one instead of a password. The user is the certificate’s common name.',
      ),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('Minimum version of TLS.'),
  })
  .superRefine((value, context) => {
    const lacks = (path: 'cert' | 'key' | 'clientCa' | 'clientCertificates', message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (value.cert !== undefined && value.key === undefined) lacks('key', 'web.tls.cert needs its key, not found here');
    if (value.key !== undefined && value.cert === undefined)
      lacks('cert', 'web.tls.key needs its cert, not found here');
    if (value.clientCertificates === 'none') {
      if (value.clientCa !== undefined)
        lacks('clientCertificates', 'web.tls.clientCa has an effect only with optional or required here, not none');
      return;
    }
    if (value.cert === undefined) lacks('cert', 'client certificates need TLS: cert and key are not set');
    if (value.clientCa === undefined)
      lacks('clientCa', 'client certificates need the authorities that sign them: not set');
  });

const realm = () =>
  z
    .string()
    .regex(/^[^"\\\p{Cc}]+$/u, { error: 'expected text without quotes, backslashes and control characters' })
    .default('tallyman')
    .describe('Name of the protected area, which browsers show.');

const rule = z
  .strictObject({
    path: z
      .string()
      .regex(/^\//, { error: 'expected a path such as /metrics, or /api/ for everything below it' })
      .meta({
        description: 'A path, or everything below it when it ends with a slash. Without `urlBasePrefix`.',
        examples: ['/metrics'],
      }),
    allow: z.enum(['anyone', 'authenticated', 'nobody']).default('authenticated').describe('Who has access.'),
    users: z
      .array(z.string().min(1))
      .default([])
      .describe('With `authenticated`: only these users, common names of certificates or names of tokens; empty: all.'),
  })
  .refine(({ allow, users }) => users.length === 0 || allow === 'authenticated', {
    path: ['users'],
    error: 'users has an effect only with allow: authenticated, not here',
  });

const auth = z.strictObject({
  basic: z
    .strictObject({
      file: secretFile('File of users as `htpasswd` writes it: bcrypt (`-B`), apr1 or SHA.', '/etc/tallyman/htpasswd'),
      realm: realm(),
    })
    .prefault({})
    .describe('Basic authentication. Sends passwords in clear text: use it with TLS.'),
  digest: z
    .strictObject({
      file: secretFile('File of users as `htdigest` writes it (MD5), for this realm.', '/etc/tallyman/htdigest'),
      realm: realm(),
    })
    .prefault({})
    .describe('Digest authentication.'),
  bearer: z
    .strictObject({
      file: secretFile('File of tokens: one per line, `token` or `name:token`.', 'credential:tokens'),
    })
    .prefault({})
    .describe('Bearer tokens, for programs.'),
  rules: z
    .array(rule)
    .default([])
    .describe(
      'Exceptions by path; the first match applies. By default `/healthz` and `/-/ready` are public, and everything else requires authentication.',
    ),
});

/** The HTTP server's options, with checks across them. */
export const web = z
  .strictObject({
    listen: z
      .array(listenAddress)
      .min(1)
      .default(['127.0.0.1:8080'])
      .describe(
        'Addresses to serve on: `host:port`, `[IPv6]:port`, `:port` (all interfaces) or `unix:/path`. Port 0 means any free port. Sockets passed by systemd are used instead.',
      ),
    allowUnauthenticated: flag(false, 'Allow addresses beyond loopback without authentication.'),
    hosts: z
      .array(z.string().regex(/^[^\s/]+$/, { error: 'expected a host name or address, without a scheme' }))
      .default([])
      .describe(
        'Additional host names to accept in `Host:`, as a protection against DNS rebinding. On loopback only loopback names and these are accepted; on other addresses any name while this is empty. `"*"`: any.',
      ),
    auth: auth.prefault({}).describe('Authentication. Once a method is configured it covers every path.'),
    tls: tls.prefault({}).describe('Encryption of TCP connections. Changed files are reloaded without a restart.'),
    cors: z
      .strictObject({
        origins: z
          .array(
            z.string().regex(/^(\*|https?:\/\/[^\s/]+)$/, { error: 'expected an origin such as https://host:port' }),
          )
          .default([])
          .describe('Origins whose pages may read answers: `https://dashboard.example`. Empty: none.'),
      })
      .prefault({})
      .describe('Cross-origin requests of browsers.'),
    unixSocket: unixSocket.prefault({}).describe('The files of `unix:` sockets.'),
    urlBasePrefix: z
      .string()
      .regex(/^$|^(\/[\w.~!$&'()*+,;=:@%-]+)+$/, {
        error: 'expected "" or a path such as /monitoring, without a / at its end',
      })
      .default('')
      .describe('Path in front of every URL, for a reverse proxy that does not strip it: `/monitoring`.'),
    requestTimeout: interval('100ms')
      .prefault('30s')
      .describe('Time limit of a request, from its first byte to the end of the answer.'),
    maxConnections: z
      .int()
      .min(1)
      .default(256)
      .describe('Open connections per address; further ones are answered with 503.'),
    maxUrlLength: sizeFrom('256')
      .prefault('8KiB')
      .describe('Maximum length of a URL; longer ones are answered with 414.'),
    maxHeaderSize: sizeFrom('1KiB')
      .prefault('16KiB')
      .describe('Maximum size of all headers of a request; larger ones are answered with 431.'),
    accessLog: flag(false, 'Log every request: method, path, status, bytes, duration.'),
  })
  .superRefine((value, context) => {
    const { listen, auth, allowUnauthenticated } = value;
    if (!isAuthenticationConfigured(value)) {
      const index = auth.rules.findIndex(({ users }) => users.length > 0);
      const message =
        'users has no effect without authentication: set web.auth.basic, digest, bearer or client certificates';
      if (index >= 0) context.addIssue({ code: 'custom', path: ['auth', 'rules', index, 'users'], message });
    }
    if (allowUnauthenticated || isAuthenticationConfigured(value)) return;
    for (const [index, address] of listen.entries()) {
      if (isLoopbackAddress(address) || parseListenAddress(address) === undefined) continue;
      context.addIssue({ code: 'custom', path: ['listen', index], message: exposedMessage(address) });
    }
  });

export type WebConfig = z.output<typeof web>;

/** The HTTP server's options where none is set: no authentication, no TLS, loopback only. */
export const webDefaults = (): WebConfig => web.parse({});

/** Whether any authentication method is configured. */
export function isAuthenticationConfigured({ auth, tls }: Pick<WebConfig, 'auth' | 'tls'>): boolean {
  const { basic, digest, bearer } = auth;
  return [basic.file, digest.file, bearer.file].some((file) => file !== undefined) || tls.clientCertificates !== 'none';
}

/** The error for an address beyond loopback without authentication. */
export function exposedMessage(address: string): string {
  return (
    `other hosts could read everything on ${JSON.stringify(address)} without authentication: ` +
    'set web.auth.basic, digest or bearer, or listen on 127.0.0.1, or set web.allowUnauthenticated: true'
  );
}
