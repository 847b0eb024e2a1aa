import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** What a server answers a request with. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

interface ServerOptions {
  readonly port?: number;
  /** Certificate and private key (PEM): the server speaks TLS. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
}

/** An HTTP server on loopback that keeps the requests it accepts, and answers each with the reply that the test sets. */
export class RecordingServer<T> {
  readonly received: T[] = [];
  /** Replies to the next requests; afterwards `reply`. A request with status 200 to 299 is decoded and kept. */
  readonly replies: (Reply | 'hang')[] = [];
  reply: Reply | 'hang' = { status: 204 };
  private readonly server: Server;
  private waiting: (() => void)[] = [];

  /** @param decode makes of a request what is kept of it; a request that it rejects is answered with 400 */
  constructor(
    private readonly decode: (headers: IncomingHttpHeaders, body: Buffer) => T,
    private readonly path: string,
    private readonly options: ServerOptions = {},
  ) {
    this.server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
    this.server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const next = this.replies.shift() ?? this.reply;
        if (next === 'hang') return;
        const { status, headers = {}, body } = this.record(next, request.headers, Buffer.concat(chunks));
        response.writeHead(status, headers).end(body);
        for (const wake of this.waiting.splice(0)) wake();
      });
    });
  }

  async listen(): Promise<this> {
    this.server.listen(this.options.port ?? 0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}${this.path}`;
  }

  /** Waits until so many requests were kept. */
  async taken(count: number): Promise<void> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  /** What a receiver adds to the reply to a request that it keeps. */
  protected completed(reply: Reply, _kept: T): Reply {
    return reply;
  }

  private record(reply: Reply, headers: IncomingHttpHeaders, body: Buffer): Reply {
    if (reply.status > 299) return reply;
    try {
      const kept = this.decode(headers, body);
      this.received.push(kept);
      return this.completed(reply, kept);
    } catch (error) {
      return { status: 400, body: String(error) };
    }
  }
}
