import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import Koa from 'koa';
import {
  isRequestError,
  messageOf,
  notFound,
  RequestError,
  type RequestHandler,
  type TallymanError,
} from '../contracts/index.js';
import { type PluginCall, sendAnswer, sendMessage, WriterPool } from './answer.js';
import { Exchange, type ExchangeLimits } from './exchange.js';
import { Listeners, type ListenPlan } from './listeners.js';
import type { HttpServer, HttpServerOptions, WebOptions } from './options.js';
import { redirect, sendNothing } from './redirect.js';
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
import { Gate, LoginMemory, OPEN, type SecretPlaces, TlsMaterial } from './security/index.js';
import { sendStream } from './stream.js';
import { locationOf, parseTarget } from './target.js';

const DEFAULT_BODY_SIZE = 64 * 1024;
/** Connections that are let in beyond the limit to be told so. */
const REFUSED_CONNECTIONS = 64;
/** Whether files of secrets have changed is looked at every so many ms. */
const RENEWAL_INTERVAL = 10_000;
/** By this the agent's own routes are known among those of plugins. */
const OWN = 'the agent';

const healthz: RequestHandler = () => ({
  contentType: 'text/plain; charset=utf-8',
  body: (out) => out.ascii('ok'),
});

/**
 * Makes the HTTP server: authentication, path cleaning, `/healthz`, the API versions and the endpoints.
 * @throws TallymanError when two plugins serve the same path, ConfigError when a file of `web` cannot be used
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new KoaHttpServer(options);
}

class KoaHttpServer implements HttpServer {
  private web: WebOptions;
  private gate: Gate;
  private secrets: SecretPlaces;
  private mounted: Routes;
  /** What is wrong about the mounts, as it was logged. */
  private troubles: readonly string[] = [];
  private readonly logins = new LoginMemory();
  private readonly listeners: Listeners;
  private readonly writers = new WriterPool();
  private readonly surplus = new WeakSet<Socket>();
  private readonly exchanges = new Set<Exchange>();
  private readonly refusals = new Refusals((socket) => this.isAnswering(socket));
  private renewal: NodeJS.Timeout | undefined;
  /** Resolves when options that are being gone over to are in force. */
  private change: Promise<void> | undefined;
  private stopping = false;

  constructor(private readonly options: HttpServerOptions) {
    this.web = options.web;
    this.secrets = options.secrets ?? { directory: '/', credentials: undefined };
    this.gate = this.makeGate(options.web, this.secrets);
    this.mounted = this.buildRoutes(options, (error) => {
      throw error;
    });
    const handle = this.application().callback();
    this.listeners = new Listeners((server, isTls) => this.prepare(server, isTls, (...pair) => void handle(...pair)));
  }

  remount(mounts: Mounts): void {
    this.mounted = this.buildRoutes(mounts, ({ message }) => `${message}: the first one goes on`);
  }

  async start(): Promise<string[]> {
    try {
      await this.listeners.open(this.plan(this.web, this.gate, this.makeTls(this.web, this.secrets)));
    } catch (error) {
      await this.stop(0);
      throw error;
    }
    this.renewal = setInterval(() => this.renewSecrets(), RENEWAL_INTERVAL).unref();
    this.warnIfExposed();
    return this.listeners.urls;
  }

  async reconfigure(web: WebOptions, secrets = this.secrets): Promise<string[]> {
    const gate = this.makeGate(web, secrets);
    const tls = this.makeTls(web, secrets);
    let settle = () => {};
    this.change = new Promise((resolve) => {
      settle = resolve;
    });
    try {
      await this.listeners.open(this.plan(web, gate, tls));
      this.web = web;
      this.secrets = secrets;
      this.gate = gate;
    } finally {
      this.change = undefined;
      settle();
    }
    this.warnIfExposed();
    return this.listeners.urls;
  }

  renewSecrets(): void {
    this.gate.refresh();
    this.listeners.renew();
  }

  urls(): string[] {
    return this.listeners.urls;
  }

  routes(): string[] {
    return this.mounted.paths();
  }

  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    clearInterval(this.renewal);
    this.logins.close();
    const closed = this.listeners.close();
    for (const exchange of this.exchanges) exchange.cancel(new RequestError(503, 'the agent stops'));
    const timer = setTimeout(() => this.listeners.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  }

  /** @param settled says how a conflict ends, or throws it */
  private buildRoutes({ apiVersions, endpoints }: Mounts, settled: (conflict: TallymanError) => string): Routes {
    const own = { id: OWN, instance: { routes: { '/healthz': healthz, ...this.options.own } } };
    const troubles: string[] = [];
    const tell = (message: string, { hint }: TallymanError) => {
      troubles.push(message);
      if (!this.troubles.includes(message)) this.options.logger.error(message, { hint });
    };
    const routes = buildRoutes({ apiVersions, endpoints: [own, ...endpoints] }, this.serve, {
      conflict: (error) => tell(settled(error), error),
      orphan: (error) => tell(`${error.message}: only its own request types are served`, error),
    });
    this.troubles = troubles;
    return routes;
  }

  private makeGate(web: WebOptions, secrets: SecretPlaces): Gate {
    return new Gate({ ...OPEN, ...web }, secrets, this.options.logger, this.logins);
  }

  private makeTls({ tls }: WebOptions, secrets: SecretPlaces): TlsMaterial | undefined {
    return tls?.cert === undefined ? undefined : new TlsMaterial(tls, secrets, this.options.logger);
  }

  private plan(web: WebOptions, gate: Gate, tls: TlsMaterial | undefined): ListenPlan {
    const { sockets = [] } = this.options;
    return {
      targets: sockets.length > 0 ? sockets : web.listen,
      tls,
      unixSocket: web.unixSocket ?? { mode: '0660' },
      mayBeExposed: web.allowUnauthenticated === true || gate.asksWho,
      // The parser counts the request line as header.
      maxHeaderSize: web.maxHeaderSize + web.maxUrlLength,
      requestTimeout: web.requestTimeout,
      maxConnections: web.maxConnections + REFUSED_CONNECTIONS,
    };
  }

  private warnIfExposed(): void {
    const exposed = this.gate.asksWho ? [] : this.listeners.exposedUrls();
    if (exposed.length === 0) return;
    this.options.logger.warn(`everybody who can reach ${exposed.join(' and ')} can read everything that is served`, {
      hint: 'set web.auth.basic, digest or bearer',
    });
  }

  private prepare(
    server: Server,
    isTls: boolean,
    handle: (request: IncomingMessage, response: ServerResponse) => void,
  ): void {
    const connections = new Set<Socket>();
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => this.admit(socket, server, connections));
    server.on('clientError', (error, socket) => {
      // Where the handshake failed there is nothing that an answer could be said through.
      if (connections.has(socket as Socket)) this.refusals.malformed(error, socket as Socket);
      else socket.destroy();
    });
    server.on('connect', (_request, socket) => this.refusals.connect(socket as Socket));
    const { change } = this;
    // An address that is opened by a change of the options answers nobody by those of before.
    if (change === undefined) server.on('request', handle);
    else server.on('request', (...pair) => void change.then(() => handle(...pair)));
  }

  /** @param connections those of the server: who uses up one address leaves the others open */
  private admit(socket: Socket, server: Server, connections: Set<Socket>): void {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    if (connections.size <= this.web.maxConnections) return;
    server.closeIdleConnections();
    this.surplus.add(socket);
  }

  private isAnswering(socket: Socket): boolean {
    for (const { request, response } of this.exchanges) {
      if (request.socket === socket && response.headersSent) return true;
    }
    return false;
  }

  private application(): Koa<HttpState> {
    const application = new Koa<HttpState>();
    // Every failure is answered by `answer` below; what Koa reports besides are connections that broke off.
    application.on('error', (error) => this.options.logger.debug('connection error', { error: messageOf(error) }));
    application.use(async (context) => {
      context.respond = false;
      const exchange = new Exchange(context.req, context.res, this.exchangeLimits);
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
    this.listeners.sweepSoon();
    if (!this.web.accessLog) return;
    const { logger, accessLogger = logger } = this.options;
    accessLogger.info('request', {
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
    const { request, response } = exchange;
    const { gate } = this;
    if (gate.receive(request, response)) return sendNothing(exchange);
    const target = parseTarget(exchange.request.url ?? '/');
    if (target.kind === 'malformed') throw new RequestError(400, target.message);
    if (target.kind === 'moved') return redirect(exchange, 301, target.location);
    exchange.path = target.path;
    exchange.query = target.query;
    exchange.basePath = this.prefix;
    const path = this.withoutPrefix(target.path);
    if (path === undefined) throw notFound('404 page not found');
    const admitted = gate.admit(request, response, path === '' ? '/' : path);
    exchange.authenticated = typeof admitted === 'boolean' ? admitted : await exchange.withinLimit(admitted);
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD' && path.startsWith('/-/')) gate.protect(request);
    if (path === '' || this.mounted.isDirectory(path)) {
      // The contract has it so: the API keeps method and body of a request.
      return redirect(exchange, path === '/api' ? 307 : 301, locationOf(`${target.path}/`, target.query));
    }
    if (await this.mounted.dispatch(context, path)) return;
    // The contract sends everything else to the pages, if there are any.
    if (this.mounted.serves('/containers/')) return redirect(exchange, 307, `${this.prefix}/containers/`);
    throw notFound(`nothing is served at ${JSON.stringify(path)}; the API begins at ${this.prefix}/api/`);
  }

  private checkAdmission(exchange: Exchange): void {
    const { web } = this;
    if (this.surplus.has(exchange.request.socket)) {
      exchange.response.shouldKeepAlive = false;
      throw new RequestError(503, `more than ${web.maxConnections} connections are open at this address`);
    }
    if ((exchange.request.url ?? '').length > web.maxUrlLength) {
      throw new RequestError(414, `the request target is longer than ${web.maxUrlLength} bytes`);
    }
  }

  private get prefix(): string {
    return this.web.urlBasePrefix.replace(/^\/*(?=[^/])/, '/').replace(/\/+$/, '');
  }

  private get exchangeLimits(): ExchangeLimits {
    const { requestTimeout, maxBodySize = DEFAULT_BODY_SIZE } = this.web;
    return { requestTimeout, maxBodySize };
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
    if (pluginId === OWN) return call();
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
