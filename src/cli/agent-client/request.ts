import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { TallymanError } from '../../kernel/contracts/index.js';
import { digestAuthorization } from '../../kernel/http/index.js';
import type { Credentials } from './credentials.js';
import { hostOf, type Target } from './target.js';

export type Method = 'GET' | 'POST';

export interface Reply {
  readonly status: number;
  readonly text: string;
  /** Values of `WWW-Authenticate`. */
  readonly challenges: readonly string[];
  readonly headers: IncomingHttpHeaders;
}

/** Long enough for a reload, which waits for plugins to start. */
const RESPONSE_TIMEOUT_MS = 60_000;

/**
 * Sends a request with credentials. A token is sent at once, a password only when the agent asks for one.
 * @throws the error of the connection
 */
export async function send(target: Target, method: Method, credentials: Credentials): Promise<Reply> {
  const { token } = credentials;
  const first = await exchange(target, method, credentials, token === undefined ? undefined : `Bearer ${token}`);
  if (first.status !== 401) return first;
  const answer = authorization(first.challenges, target, method, credentials);
  return answer === undefined ? first : exchange(target, method, credentials, answer);
}

/** Prefers Digest to Basic, which sends the password itself. */
function authorization(
  challenges: readonly string[],
  { url }: Target,
  method: Method,
  { password, digest }: Credentials,
): string | undefined {
  const user = password?.user ?? digest?.user;
  if (user === undefined) return undefined;
  const hashOf = (realm: string) =>
    password === undefined ? digest!.hash : createHash('md5').update(`${user}:${realm}:${password.text}`).digest('hex');
  const challenge = challenges.find((each) => /^digest\s/i.test(each));
  const answer = { user, method, target: `${url.pathname}${url.search}`, hashOf };
  const digested = challenge === undefined ? undefined : digestAuthorization(challenge, answer);
  if (digested !== undefined) return digested;
  if (password === undefined || !challenges.some((each) => /^basic\b/i.test(each))) return undefined;
  return `Basic ${Buffer.from(`${user}:${password.text}`).toString('base64')}`;
}

async function exchange(
  target: Target,
  method: Method,
  credentials: Credentials,
  header: string | undefined,
): Promise<Reply> {
  const socket = await connectTo(target, credentials);
  try {
    return await requestOver(socket, target, method, header);
  } finally {
    socket.destroy();
  }
}

function requestOver(socket: Socket, { url }: Target, method: Method, header: string | undefined): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { host: url.host, ...(header !== undefined && { authorization: header }) };
    const path = `${url.pathname}${url.search}`;
    const outgoing = request({ createConnection: () => socket, method, path, headers, timeout: RESPONSE_TIMEOUT_MS });
    outgoing.once('timeout', () =>
      outgoing.destroy(new TallymanError(`it has not answered for ${RESPONSE_TIMEOUT_MS / 1000} s`)),
    );
    outgoing.once('error', reject);
    outgoing.once('response', (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      incoming.once('error', reject);
      incoming.once('end', () => {
        const challenges = incoming.headersDistinct['www-authenticate'] ?? [];
        resolve({ status: incoming.statusCode!, text, challenges, headers: incoming.headers });
      });
    });
    outgoing.end();
  });
}

/** Opens a connection to the agent. A TLS connection is verified before anything is sent. */
async function connectTo({ url, socket: path }: Target, credentials: Credentials): Promise<Socket> {
  if (path !== undefined) return opened(connectTcp({ path }), 'connect');
  const host = hostOf(url);
  const secure = url.protocol === 'https:';
  const port = Number(url.port || (secure ? 443 : 80));
  if (!secure) return opened(connectTcp({ host, port }), 'connect');
  const { ca, cert, key, certificate } = credentials;
  const socket = connectTls({
    host,
    port,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    // Compared below with the only accepted certificate, which is stricter than trusting an authority.
    rejectUnauthorized: certificate === undefined,
  });
  await opened(socket, 'secureConnect');
  if (certificate !== undefined) assertCertificate(socket, certificate);
  return socket;
}

function assertCertificate(socket: TLSSocket, expected: Buffer): void {
  if (socket.getPeerX509Certificate()?.fingerprint256 === new X509Certificate(expected).fingerprint256) return;
  socket.destroy();
  throw new TallymanError('another certificate is shown than the one in web.tls.cert', {
    hint: 'is it another program that listens there? --ca FILE names whom to trust',
  });
}

async function opened<S extends Socket>(socket: S, event: 'connect' | 'secureConnect'): Promise<S> {
  await once(socket, event);
  return socket;
}
