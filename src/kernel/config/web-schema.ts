import { size, z } from '../contracts/index.js';
import { durationMeta, interval, sizeMeta } from './fields.js';
import { isLoopbackAddress, parseListenAddress } from './listen.js';

const listenAddress = z.string().refine((text) => parseListenAddress(text) !== undefined, {
  error: 'expected host:port, [IPv6 address]:port, :port (all interfaces) or unix:/path',
});

/** A file that is read again whenever it changes; `credential:NAME` is a file that systemd hands to the service. */
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
    .describe('File mode of `unix:` sockets: who may write may connect.'),
  user: accountName('user').meta({ description: 'Owner of `unix:` sockets. Without it the agent’s user.' }),
  group: accountName('group').meta({
    description: 'Group of `unix:` sockets. Without it the agent’s group.',
    examples: ['monitoring'],
  }),
});

const tls = z
  .strictObject({
    cert: secretFile('PEM file of the certificate and its chain. Turns TLS on for TCP.', '/etc/tallyman/tls/cert.pem'),
    key: secretFile('PEM file of its private key.', '/etc/tallyman/tls/key.pem'),
    clientCa: secretFile('PEM file of the authorities that sign client certificates.', '/etc/tallyman/tls/clients.pem'),
    clientCertificates: z
      .enum(['none', 'optional', 'required'])
      .default('none')
      .describe(
        'Whether clients show a certificate: `required` refuses those without, `optional` takes one in place of a password. The user is the certificate’s common name.',
      ),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('Oldest version of TLS that is spoken.'),
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
    .describe('Name of what is protected, which browsers show.');

const rule = z
  .strictObject({
    path: z
      .string()
      .regex(/^\//, { error: 'expected a path such as /metrics, or /api/ for everything below it' })
      .meta({
        description: 'A path, or everything below one that ends with a slash. Without `urlBasePrefix`.',
        examples: ['/metrics'],
      }),
    allow: z.enum(['anyone', 'authenticated', 'nobody']).default('authenticated').describe('Who is let in.'),
    users: z
      .array(z.string().min(1))
      .default([])
      .describe('With `authenticated`: only these users, certificates’ common names or tokens’ names; empty: all.'),
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
    .describe('Basic authentication. Sends passwords as they are: use it with TLS.'),
  digest: z
    .strictObject({
      file: secretFile('File of users as `htdigest` writes it (MD5), for this realm.', '/etc/tallyman/htdigest'),
      realm: realm(),
    })
    .prefault({})
    .describe('Digest authentication.'),
  bearer: z
    .strictObject({
      file: secretFile(
        'File of tokens: one a line, with or without a name and a colon before it.',
        'credential:tokens',
      ),
    })
    .prefault({})
    .describe('Bearer tokens, for programs.'),
  rules: z
    .array(rule)
    .default([])
    .describe(
      'Exceptions by path; the first that fits counts. After them `/healthz` and `/-/ready` are open, and everything else is for the authenticated.',
    ),
});

/** The HTTP server's options, with what they must not say together. */
export const web = z
  .strictObject({
    listen: z
      .array(listenAddress)
      .min(1)
      .default(['127.0.0.1:8080'])
      .describe(
        'Addresses to serve on: `host:port`, `[IPv6]:port`, `:port` (all interfaces) or `unix:/path`. Port 0 takes a free one. Sockets that systemd passes are served on instead.',
      ),
    allowUnauthenticated: z
      .boolean()
      .default(false)
      .describe('Serve everybody who can reach an address beyond loopback, without authentication.'),
    hosts: z
      .array(z.string().regex(/^[^\s/]+$/, { error: 'expected a host name or address, without a scheme' }))
      .default([])
      .describe(
        'Further names that requests may call this host by (`Host:`), against pages that rebind their name to it. On loopback only loopback names and these are answered; on other addresses any name while this is empty. `"*"`: any.',
      ),
    auth: auth.prefault({}).describe('Who is let in. Once a way is set it covers every path.'),
    tls: tls.prefault({}).describe('Encryption of TCP connections. Renewed files are taken up without a restart.'),
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
    requestTimeout: interval(100, '100ms')
      .prefault('30s')
      .meta(durationMeta('Time limit of a request, from its first byte to the end of the answer.')),
    maxConnections: z
      .int()
      .min(1)
      .default(256)
      .describe('Connections open at the same time at each address; further ones are refused.'),
    maxUrlLength: size()
      .refine((value) => value >= 256, { error: 'expected 256 or more' })
      .prefault('8KiB')
      .meta(sizeMeta('Longest URL that is answered; above it 414.')),
    maxHeaderSize: size()
      .refine((value) => value >= 1024, { error: 'expected 1KiB or more' })
      .prefault('16KiB')
      .meta(sizeMeta('Size of all headers of a request together; above it 431.')),
    accessLog: z.boolean().default(false).describe('Log every request: method, path, status, bytes, duration.'),
  })
  .superRefine((value, context) => {
    const { listen, auth, allowUnauthenticated } = value;
    if (!asksWho(value)) {
      const index = auth.rules.findIndex(({ users }) => users.length > 0);
      const message =
        'users need a way to tell who they are: web.auth.basic, digest, bearer or client certificates, not set';
      if (index >= 0) context.addIssue({ code: 'custom', path: ['auth', 'rules', index, 'users'], message });
    }
    if (allowUnauthenticated || asksWho(value)) return;
    for (const [index, address] of listen.entries()) {
      if (isLoopbackAddress(address) || parseListenAddress(address) === undefined) continue;
      context.addIssue({ code: 'custom', path: ['listen', index], message: exposedMessage(address) });
    }
  });

export type WebConfig = z.output<typeof web>;

/** Whether there is any way to authenticate. */
export function asksWho({ auth, tls }: Pick<WebConfig, 'auth' | 'tls'>): boolean {
  const { basic, digest, bearer } = auth;
  return [basic.file, digest.file, bearer.file].some((file) => file !== undefined) || tls.clientCertificates !== 'none';
}

/** Why an address beyond loopback is refused, and what to do. */
export function exposedMessage(address: string): string {
  return (
    `other hosts could read everything on ${JSON.stringify(address)}, which is not wanted unless said: ` +
    'set web.auth.basic, digest or bearer, or listen on 127.0.0.1, or say web.allowUnauthenticated: true'
  );
}
