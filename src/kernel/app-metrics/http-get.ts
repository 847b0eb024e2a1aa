import type { EventEmitter } from 'node:events';
import { Agent, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as TlsAgent } from 'node:https';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import {
  type AppAnswer,
  type AppRequest,
  type AppTls,
  CollectionError,
  codeOf,
  messageOf,
} from '../contracts/index.js';

/** Maximum number of informational (1xx) responses. */
const MAX_INFORMATIONAL = 10;

/** Where to connect to: an address and a port, or a unix socket's path. */
export type SocketAddress = { readonly host: string; readonly port: number } | { readonly socketPath: string };

export interface GetOptions {
  readonly request: AppRequest;
  readonly address: SocketAddress;
  /** Aborted with a CollectionError as its reason. */
  readonly signal: AbortSignal;
  /** Maximum size of a body, before and after decompression. */
  readonly maxBytes: number;
  readonly userAgent: string;
  /** Called with the number of received bytes; a CollectionError that it throws ends the request. */
  readonly received: (bytes: number) => void;
}

const DECOMPRESS: Readonly<Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/**
 * GET requests with limits. Connections are not reused, because an address may belong to another container by the next
 * request.
 */
export class HttpGetter {
  private readonly agents = {
    http: new Agent({ keepAlive: false }),
    https: new TlsAgent({ keepAlive: false, maxCachedSessions: 0 }),
  };
  private readonly contexts = new WeakMap<AppTls, SecureContext>();

  /** @throws CollectionError */
  async get(options: GetOptions): Promise<AppAnswer> {
    const { request, signal } = options;
    const url = urlOf(request, options.address);
    try {
      const response = await this.send(options);
      const { statusCode: status = 0, headers } = response;
      const location =
        status >= 300 && status < 400 ? `; redirects (here to ${headers.location ?? '?'}) are not followed` : '';
      if (status < 200 || status > 299) {
        response.destroy();
        throw new CollectionError(`${url} answered with status ${status}${location}`);
      }
      const body = await readBody(response, options);
      // A truncated body without Content-Length looks complete.
      signal.throwIfAborted();
      const plain = await decompress(body, headers, options.maxBytes);
      if (plain !== body) options.received(plain.length);
      return { status, headers: plainHeaders(response), body: plain };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof CollectionError) throw new CollectionError(prefixed(url, error.message), { cause: error });
      throw new CollectionError(`${url}: ${explain(error)}`, { cause: error });
    }
  }

  private send({ request, address, signal, userAgent }: GetOptions): Promise<IncomingMessage> {
    const secure = request.scheme === 'https';
    const options: RequestOptions = {
      ...address,
      signal,
      agent: secure ? this.agents.https : this.agents.http,
      path: request.path ?? '/',
      headers: { 'user-agent': userAgent, 'accept-encoding': 'identity', ...request.headers },
      ...(secure && this.tlsOptions(request)),
    };
    return new Promise((resolve, reject) => {
      const sent = secure ? requestHttps(options) : requestHttp(options);
      let informational = 0;
      sent.on('information', () => {
        if (++informational <= MAX_INFORMATIONAL) return;
        sent.destroy(new CollectionError('sends informational responses without end'));
      });
      sent.once('response', resolve);
      sent.once('upgrade', (_response, socket) => {
        socket.destroy();
        reject(new CollectionError('the response switches to another protocol'));
      });
      sent.on('error', reject);
      onPrematureClose(sent, 'response', () => reject(new CollectionError('the connection ended without a response')));
      sent.end();
    });
  }

  private tlsOptions({ host, tls = {} }: AppRequest): RequestOptions {
    let secureContext = this.contexts.get(tls);
    if (secureContext === undefined) {
      secureContext = createSecureContext({ ca: tls.ca, cert: tls.cert, key: tls.key });
      this.contexts.set(tls, secureContext);
    }
    const rejectUnauthorized = tls.verify ?? tls.ca !== undefined;
    // Without a server name the certificate is verified against the address.
    const servername = tls.serverName ?? (host === undefined || isIP(host) !== 0 ? undefined : host);
    return { secureContext, rejectUnauthorized, ...(servername === undefined ? {} : { servername }) } as RequestOptions;
  }
}

/**
 * Calls back when an emitter closes without having emitted the expected event. The caller creates its error only then:
 * creating one per request took 5 % of a collection for stack traces.
 */
function onPrematureClose(emitter: EventEmitter, expected: string, closed: () => void): void {
  emitter.once('close', closed);
  emitter.once(expected, () => emitter.off('close', closed));
}

/** The URL for messages, without its query, which may contain secrets. */
function urlOf({ scheme = 'http', host, port, socket, path: target = '/' }: AppRequest, address: SocketAddress) {
  const [path] = target.split('?', 1);
  if (socket !== undefined) return `${scheme}+unix:${socket} ${path}`;
  const shown = 'host' in address ? address.host : (host ?? 'localhost');
  return `${scheme}://${shown.includes(':') ? `[${shown}]` : shown}:${port}${path}`;
}

function readBody(response: IncomingMessage, { maxBytes, received }: GetOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      try {
        received(chunk.length);
        if (length > maxBytes) throw new CollectionError(tooLarge(maxBytes));
      } catch (error) {
        response.destroy(error as CollectionError);
      }
    });
    response.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)));
    response.once('error', reject);
    onPrematureClose(response, 'end', () => reject(new CollectionError('the response was truncated')));
  });
}

async function decompress(body: Buffer, headers: IncomingMessage['headers'], maxBytes: number): Promise<Buffer> {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '') return body;
  const decoder = Object.hasOwn(DECOMPRESS, encoding) ? DECOMPRESS[encoding] : undefined;
  if (decoder === undefined) throw new CollectionError(`the response has the unsupported encoding ${encoding}`);
  try {
    return await decoder(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw new CollectionError(`${tooLarge(maxBytes)} when decompressed`);
    throw new CollectionError(`the response is not valid ${encoding}: ${messageOf(error)}`);
  }
}

const tooLarge = (maxBytes: number): string => `the response is larger than ${maxBytes} bytes (appMetrics.maxBodySize)`;

function plainHeaders({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

const prefixed = (where: string, message: string): string =>
  message.startsWith(where) ? message : `${where}: ${message}`;

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  EHOSTUNREACH: 'the host cannot reach that address',
  ENETUNREACH: 'the host has no route to that address',
  ECONNRESET: 'the connection was reset',
};

export function explain(error: unknown): string {
  const code = codeOf(error);
  const reason = code === undefined ? undefined : REASONS[code];
  return reason === undefined ? messageOf(error) : `${reason} (${code})`;
}
