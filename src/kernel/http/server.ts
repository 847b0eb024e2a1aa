import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import Koa from 'koa';
import { isRequestError, type Logger, messageOf, notFound, RequestError } from '../contracts/index.js';
import { type PluginCall, sendAnswer, sendMessage, WriterPool } from './answer.js';
import { Exchange, type ExchangeLimits } from './exchange.js';
import { listen } from './listen.js';
import { Refusals } from './refusals.js';
import {
  apiRequest,
  buildRoutes,
  checkAnswer,
  type HttpContext,
  type HttpState,
  type Mounts,
  type Routes,
  type Serve,
} from './routes.js';
import { sendStream } from './stream.js';
import { locationOf, parseTarget } from './target.js';

/** Options of the HTTP server. */
export interface WebOptions {
  /** Addresses: `host:port`, `[v6]:port`, `:port` (all interfaces) or `unix:/path`. */
  readonly listen: readonly string[];
  /** Path below which everything is served, `''` for none. */
  readonly urlBasePrefix: string;
  /** Milliseconds until a request must have arrived, until its answer begins, and without progress while it is sent. */
  readonly requestTimeout: number;
  /** Open connections over all addresses; further ones are answered 503. */
  readonly maxConnections: number;
  /** Bytes of a request target; longer ones are answered 414. */
  readonly maxUrlLength: number;
  /** Bytes of all headers; more is answered 431. */
  readonly maxHeaderSize: number;
  /** Bytes of a request body; more is answered 413. Default 64 KiB. */
  readonly maxBodySize?: number;
  /** Whether every request is logged. */
  readonly accessLog: boolean;
}

export interface HttpServerOptions extends Mounts {
  readonly web: WebOptions;
  /** Descriptors of sockets that already listen; unless empty, they take the place of `web.listen`. */
  readonly sockets?: readonly number[];
  /**
   * Runs a call into a plugin. What the call throws (or its promise rejects with) is a fault of the plugin: it is
   * counted, logged once and thrown on. Answers other than 200 are not faults and do not reach it.
   */
  readonly guard: <T>(pluginId: string, what: string, call: () => T) => T;
  readonly logger: Logger;
}

export interface HttpServer {
  /**
   * Listens on all addresses.
   * @returns the URLs
   * @throws TallymanError naming the address; then none is open
   */
  start(): Promise<string[]>;
  /**
   * Serves these from now on; requests that have begun are finished as they began. A plugin that claims what another
   * serves is left out, with a line in the log.
   */
  remount(mounts: Mounts): void;
  /** Takes no new connections, finishes open requests, at most for `graceMs`, and closes what is then still open. */
  stop(graceMs: number): Promise<void>;
}

const DEFAULT_BODY_SIZE = 64 * 1024;
/** Connections that are let in beyond the limit to be told so. */
const REFUSED_CONNECTIONS = 64;

/**
 * Makes the HTTP server: path cleaning, `/healthz`, the API versions and the endpoints.
 * @throws TallymanError when two plugins serve the same path
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new KoaHttpServer(options);
}

class KoaHttpServer implements HttpServer {
  private readonly prefix: string;
  private readonly limits: ExchangeLimits;
  private routes: Routes;
  private conflicts: readonly string[] = [];
  private readonly writers = new WriterPool();
  private readonly servers: Server[] = [];
  private readonly connections = new Set<Socket>();
  private readonly surplus = new WeakSet<Socket>();
  private readonly exchanges = new Set<Exchange>();
  private readonly refusals = new Refusals((socket) => this.isAnswering(socket));
  private stopping = false;

  constructor(private readonly options: HttpServerOptions) {
    const { web } = options;
    this.prefix = web.urlBasePrefix.replace(/^\/*(?=[^/])/, '/').replace(/\/+$/, '');
    this.limits = { requestTimeout: web.requestTimeout, maxBodySize: web.maxBodySize ?? DEFAULT_BODY_SIZE };
    this.routes = buildRoutes(options, this.serve, (error) => {
      throw error;
    });
  }

  remount(mounts: Mounts): void {
    const conflicts: string[] = [];
    this.routes = buildRoutes(mounts, this.serve, ({ message, hint }) => {
      conflicts.push(message);
      if (!this.conflicts.includes(message)) this.options.logger.error(`${message}: the first one goes on`, { hint });
    });
    this.conflicts = conflicts;
  }

  async start(): Promise<string[]> {
    const handle = this.application().callback();
    const urls: string[] = [];
    try {
      const { web, sockets = [] } = this.options;
      for (const address of sockets.length > 0 ? sockets : web.listen) {
        const server = this.makeServer((request, response) => void handle(request, response));
        urls.push(await listen(server, address));
        this.servers.push(server);
      }
    } catch (error) {
      await this.stop(0);
      throw error;
    }
    return urls;
  }

  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    const closed = this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    this.closeIdle();
    for (const exchange of this.exchanges) exchange.cancel(new RequestError(503, 'the agent stops'));
    const timer = setTimeout(() => {
      for (const server of this.servers) server.closeAllConnections();
    }, graceMs);
    await Promise.all(closed);
    clearTimeout(timer);
  }

  private makeServer(handle: (request: IncomingMessage, response: ServerResponse) => void): Server {
    const { web } = this.options;
    const server = createServer({
      // The parser counts the request line as header.
      maxHeaderSize: web.maxHeaderSize + web.maxUrlLength,
      requestTimeout: web.requestTimeout,
      headersTimeout: web.requestTimeout,
      connectionsCheckingInterval: Math.min(1000, web.requestTimeout),
      keepAlive: true,
    });
    server.maxConnections = web.maxConnections + REFUSED_CONNECTIONS;
    server.on('connection', (socket) => this.admit(socket));
    server.on('clientError', (error, socket) => this.refusals.malformed(error, socket as Socket));
    server.on('connect', (_request, socket) => this.refusals.connect(socket as Socket));
    server.on('request', handle);
    return server;
  }

  private admit(socket: Socket): void {
    this.connections.add(socket);
    socket.once('close', () => this.connections.delete(socket));
    if (this.connections.size <= this.options.web.maxConnections) return;
    this.closeIdle();
    this.surplus.add(socket);
  }

  private isAnswering(socket: Socket): boolean {
    for (const { request, response } of this.exchanges) {
      if (request.socket === socket && response.headersSent) return true;
    }
    return false;
  }

  private closeIdle(): void {
    for (const server of this.servers) server.closeIdleConnections();
  }

  private application(): Koa<HttpState> {
    const application = new Koa<HttpState>();
    // Every failure is answered by `answer` below; what Koa reports besides are connections that broke off.
    application.on('error', (error) => this.options.logger.debug('connection error', { error: messageOf(error) }));
    application.use(async (context) => {
      context.respond = false;
      const exchange = new Exchange(context.req, context.res, this.limits);
      context.state.exchange = exchange;
      this.exchanges.add(exchange);
      context.res.once('close', () => this.finished(exchange));
      if (this.stopping) context.res.shouldKeepAlive = false;
      await this.answer(context as unknown as HttpContext, exchange);
    });
    return application;
  }

  private finished(exchange: Exchange): void {
    this.exchanges.delete(exchange);
    if (this.stopping) setImmediate(() => this.closeIdle());
    if (!this.options.web.accessLog) return;
    this.options.logger.info('request', {
      client: exchange.request.socket.remoteAddress,
      method: exchange.method,
      url: exchange.request.url,
      status: exchange.response.statusCode,
      complete: !exchange.gone,
      ms: Math.round((performance.now() - exchange.startedAt) * 10) / 10,
    });
  }

  /** Answers whatever happens; nothing leaves here as an exception. */
  private async answer(context: HttpContext, exchange: Exchange): Promise<void> {
    try {
      await this.route(context, exchange);
    } catch (error) {
      if (exchange.response.headersSent) {
        exchange.destroy();
        return;
      }
      const [status, message] = isRequestError(error)
        ? [error.status, error.message]
        : [500, `internal error: ${messageOf(error)}`];
      await sendMessage(exchange, status, message);
    }
  }

  private async route(context: HttpContext, exchange: Exchange): Promise<void> {
    this.checkAdmission(exchange);
    const target = parseTarget(exchange.request.url ?? '/');
    if (target.kind === 'malformed') throw new RequestError(400, target.message);
    if (target.kind === 'moved') return redirect(exchange, 301, target.location);
    exchange.path = target.path;
    exchange.query = target.query;
    const path = this.withoutPrefix(target.path);
    if (path === undefined) throw notFound('404 page not found');
    if (path === '' || this.routes.isDirectory(path)) {
      return redirect(exchange, 301, locationOf(`${target.path}/`, target.query));
    }
    if (path === '/healthz') return sendOk(exchange);
    if (await this.routes.dispatch(context, path)) return;
    // The contract sends everything else to the pages, if there are any.
    if (this.routes.serves('/containers/')) return redirect(exchange, 307, `${this.prefix}/containers/`);
    throw notFound(`nothing is served at ${JSON.stringify(path)}; the API begins at ${this.prefix}/api/`);
  }

  private checkAdmission(exchange: Exchange): void {
    const { web } = this.options;
    if (this.surplus.has(exchange.request.socket)) {
      exchange.response.shouldKeepAlive = false;
      throw new RequestError(503, `more than ${web.maxConnections} connections are open`);
    }
    if ((exchange.request.url ?? '').length > web.maxUrlLength) {
      throw new RequestError(414, `the request target is longer than ${web.maxUrlLength} bytes`);
    }
  }

  /** @returns undefined outside the prefix, `''` for the prefix itself */
  private withoutPrefix(path: string): string | undefined {
    if (this.prefix === '' || path === this.prefix) return path.slice(this.prefix.length);
    return path.startsWith(`${this.prefix}/`) ? path.slice(this.prefix.length) : undefined;
  }

  private readonly serve: Serve = async (exchange, pluginId, what, handler, args) => {
    const call: PluginCall = (part, fn) => this.callPlugin(pluginId, `${what} ${part}`, fn);
    const request = apiRequest(exchange, args);
    const outcome = call('handler', () => handler(request));
    const answer = outcome instanceof Promise ? await exchange.withinLimit(outcome) : outcome;
    const checked = call('answer', () => checkAnswer(answer));
    if ('stream' in checked) await sendStream(exchange, checked, call);
    else await sendAnswer(exchange, checked, call, this.writers);
  };

  /** Calls into a plugin through the guard; refusals (RequestError) are answers and pass by it. */
  private callPlugin<T>(pluginId: string, what: string, call: () => T): T {
    let refusal: unknown;
    const keep = (error: unknown): undefined => {
      if (!isRequestError(error)) throw error;
      refusal = error;
      return undefined;
    };
    const result = this.options.guard(pluginId, what, () => {
      try {
        const value = call();
        return value instanceof Promise ? value.catch(keep) : value;
      } catch (error) {
        return keep(error);
      }
    });
    if (result instanceof Promise) {
      return result.then((value) => {
        if (refusal !== undefined) throw refusal;
        return value;
      }) as T;
    }
    if (refusal !== undefined) throw refusal;
    return result as T;
  }
}

const OK = Buffer.from('ok');

async function sendOk(exchange: Exchange): Promise<void> {
  exchange.response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': OK.length });
  await exchange.end(OK);
}

const REDIRECT_TEXT: Record<301 | 307, string> = { 301: 'Moved Permanently', 307: 'Temporary Redirect' };

async function redirect(exchange: Exchange, status: 301 | 307, location: string): Promise<void> {
  const { method, response } = exchange;
  const html = `<a href="${location.replaceAll('&', '&amp;').replaceAll('"', '&#34;')}">${REDIRECT_TEXT[status]}</a>.\n\n`;
  if (method === 'GET') {
    response.writeHead(status, { Location: location, 'Content-Type': 'text/html; charset=utf-8' });
    await exchange.end(Buffer.from(html));
    return;
  }
  response.writeHead(
    status,
    method === 'HEAD' ? { Location: location, 'Content-Type': 'text/html; charset=utf-8' } : { Location: location },
  );
  await exchange.end();
}
