import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import Koa from 'koa';
import type { WebConfig } from '../config/index.js';
import {
  isRequestError,
  messageOf,
  notFound,
  RequestError,
  type RequestHandler,
  type TallymanError,
} from '../contracts/index.js';
import { type PluginCall, redirect, sendAnswer, sendMessage, sendNoContent, sendStream, WriterPool } from './answer.js';
import { Exchange } from './exchange.js';
import { Listeners, type ListenPlan } from './listeners.js';
import type { HttpServerOptions } from './options.js';
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
import { Gate } from './security/gate.js';
import { LoginMemory } from './security/login-memory.js';
import type { SecretPlaces } from './security/secret-file.js';
import { TlsMaterial } from './security/tls.js';
import { locationOf, parseTarget } from './target.js';

/** Connections accepted beyond the limit in order to answer them with 503. */
const REJECTED_CONNECTIONS = 64;
const SECRET_CHECK_INTERVAL_MS = 10_000;
/** The owner of the agent's own routes, in place of a plugin ID. */
const AGENT = 'the agent';

const healthz: RequestHandler = () => ({
  contentType: 'text/plain; charset=utf-8',
  body: (out) => out.ascii('ok'),
});

/** Authentication, path cleaning, `/healthz`, the API versions and the endpoints. */
export class HttpServer {
  private web: WebConfig;
  private gate: Gate;
  private secrets: SecretPlaces;
  private routing: Routes;
  /** The problems of the current routes that have been logged. */
  private loggedProblems: readonly string[] = [];
  private readonly logins = new LoginMemory();
  private readonly listeners: Listeners;
  private readonly writers = new WriterPool();
  private readonly rejected = new WeakSet<Socket>();
  private readonly exchanges = new Set<Exchange>();
  private readonly refusals = new Refusals((socket) => this.isAnswering(socket));
  private secretTimer: NodeJS.Timeout | undefined;
  /** Bytes read of a connection when a request was answered last. */
  private readonly bytesAtAnswer = new WeakMap<Socket, number>();
  /** Pending while other options are being applied. */
  private change: Promise<void> | undefined;
  private stopping = false;

  /** @throws TallymanError when two plugins serve the same path, ConfigError when a file of `web` cannot be used */
  constructor(private readonly options: HttpServerOptions) {
    this.web = options.web;
    this.secrets = options.secrets ?? { directory: '/', credentials: undefined };
    this.gate = this.makeGate(options.web, this.secrets);
    this.routing = this.buildRoutes(options, (error) => {
      throw error;
    });
    const handle = this.application().callback();
    this.listeners = new Listeners((server, isTls) => this.prepare(server, isTls, (...pair) => void handle(...pair)));
  }

  /**
   * Replaces the routes; requests in progress are not affected. When two plugins claim the same path, the first one keeps
   * it and an error is logged.
   */
  remount(mounts: Mounts): void {
    this.routing = this.buildRoutes(mounts, ({ message }) => `${message}: the first one is kept`);
  }

  /**
   * Listens on all addresses.
   * @returns the URLs
   * @throws TallymanError naming the address; none is open then
   */
  async start(): Promise<string[]> {
    try {
      await this.listeners.open(this.plan(this.web, this.gate, this.makeTls(this.web, this.secrets)));
    } catch (error) {
      await this.stop(0);
      throw error;
    }
    this.secretTimer = setInterval(() => this.renewSecrets(), SECRET_CHECK_INTERVAL_MS).unref();
    this.warnIfExposed();
    return this.listeners.urls;
  }

  /**
   * Applies other options: opens and closes addresses; requests in progress are not affected.
   * @returns the URLs
   * @throws TallymanError when an address or a file cannot be used; nothing has changed then
   */
  async reconfigure(web: WebConfig, secrets = this.secrets): Promise<string[]> {
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

  /** Reloads passwords, tokens and certificates whose files have changed; also done every 10 s. */
  renewSecrets(): void {
    this.gate.refresh();
    this.listeners.renew();
  }

  /** The URLs of the open addresses. */
  urls(): string[] {
    return this.listeners.urls;
  }

  /** The served paths without the URL prefix; one that ends in `/` includes everything below it. */
  routes(): string[] {
    return this.routing.paths();
  }

  /** Stops accepting connections, waits up to `graceMs` for open requests, and closes what remains. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    clearInterval(this.secretTimer);
    this.logins.close();
    const closed = this.listeners.close();
    for (const exchange of this.exchanges) exchange.cancel(new RequestError(503, 'the agent stops'));
    const timer = setTimeout(() => this.listeners.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  }

  /** @param settled returns the log message for a conflict, or throws the conflict */
  private buildRoutes({ apiVersions, endpoints }: Mounts, settled: (conflict: TallymanError) => string): Routes {
    const own = { id: AGENT, instance: { routes: { '/healthz': healthz, ...this.options.own } } };
    const problems: string[] = [];
    const log = (message: string, { hint }: TallymanError) => {
      problems.push(message);
      if (!this.loggedProblems.includes(message)) this.options.logger.error(message, { hint });
    };
    const routes = buildRoutes({ apiVersions, endpoints: [own, ...endpoints] }, this.serve, {
      conflict: (error) => log(settled(error), error),
      missingBase: (error) => log(`${error.message}: only its own request types are served`, error),
    });
    this.loggedProblems = problems;
    return routes;
  }

  private makeGate(web: WebConfig, secrets: SecretPlaces): Gate {
    return new Gate(web, secrets, this.options.logger, this.logins);
  }

  private makeTls({ tls }: WebConfig, secrets: SecretPlaces): TlsMaterial | undefined {
    return tls.cert === undefined ? undefined : new TlsMaterial(tls, secrets, this.options.logger);
  }

  private plan(web: WebConfig, gate: Gate, tls: TlsMaterial | undefined): ListenPlan {
    const { sockets = [] } = this.options;
    return {
      targets: sockets.length > 0 ? sockets : web.listen,
      tls,
      unixSocket: web.unixSocket,
      mayBeExposed: web.allowUnauthenticated || gate.authenticates,
      // The parser counts the request line as part of the headers.
      maxHeaderSize: web.maxHeaderSize + web.maxUrlLength,
      requestTimeout: web.requestTimeout,
      maxConnections: web.maxConnections + REJECTED_CONNECTIONS,
    };
  }

  private warnIfExposed(): void {
    const exposed = this.gate.authenticates ? [] : this.listeners.exposedUrls();
    if (exposed.length === 0) return;
    this.options.logger.warn(
      `no authentication: everything served at ${exposed.join(' and ')} can be read by anyone who can connect`,
      {
        hint: 'set web.auth.basic, digest or bearer',
      },
    );
  }

  private prepare(
    server: Server,
    isTls: boolean,
    handle: (request: IncomingMessage, response: ServerResponse) => void,
  ): void {
    const connections = new Set<Socket>();
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => this.admit(socket, connections));
    server.on('clientError', (error, socket) => {
      // After a failed TLS handshake there is no connection to answer on.
      if (connections.has(socket as Socket)) this.refusals.malformed(error, socket as Socket);
      else socket.destroy();
    });
    server.on('connect', (_request, socket) => this.refusals.connect(socket as Socket));
    const { change } = this;
    // Requests at an address opened by a reconfiguration wait until the new options are active.
    if (change === undefined) server.on('request', handle);
    else server.on('request', (...pair) => void change.then(() => handle(...pair)));
  }

  /** @param connections those of the server: the limit applies per address */
  private admit(socket: Socket, connections: Set<Socket>): void {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    if (connections.size <= this.web.maxConnections) return;
    const inUse = new Set([...this.exchanges].map(({ request }) => request.socket));
    // Answered, and nothing came since. From Node 26 on, `closeIdleConnections` includes those on which nothing came yet.
    for (const other of connections) {
      if (!inUse.has(other) && this.bytesAtAnswer.get(other) === other.bytesRead) other.destroy();
    }
    this.rejected.add(socket);
  }

  private isAnswering(socket: Socket): boolean {
    for (const { request, response } of this.exchanges) {
      if (request.socket === socket && response.headersSent) return true;
    }
    return false;
  }

  private application(): Koa<HttpState> {
    const application = new Koa<HttpState>();
    // `answer` below handles every failure; Koa additionally reports broken connections.
    application.on('error', (error) => this.options.logger.debug('connection error', { error: messageOf(error) }));
    application.use(async (context) => {
      context.respond = false;
      const exchange = new Exchange(context.req, context.res, this.web.requestTimeout);
      context.state.exchange = exchange;
      this.exchanges.add(exchange);
      context.res.once('close', () => this.finished(exchange));
      if (this.stopping) context.res.shouldKeepAlive = false;
      await this.answer(context as unknown as HttpContext, exchange);
    });
    return application;
  }

  private finished(exchange: Exchange): void {
    const { socket } = exchange.request;
    this.exchanges.delete(exchange);
    this.bytesAtAnswer.set(socket, socket.bytesRead);
    this.listeners.closeIdleSoon();
    if (!this.web.accessLog) return;
    const { logger, accessLogger = logger } = this.options;
    accessLogger.info('request', {
      client: socket.remoteAddress,
      method: exchange.method,
      url: exchange.request.url,
      status: exchange.response.statusCode,
      complete: !exchange.gone,
      ms: Math.round((performance.now() - exchange.startedAt) * 10) / 10,
    });
  }

  /** Never rejects: every error becomes an answer or closes the connection. */
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
    if (gate.receive(request, response)) return sendNoContent(exchange);
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
    if (path === '' || this.routing.isDirectory(path)) {
      // cAdvisor redirects /api with 307, which keeps the method and body of a request.
      return redirect(exchange, path === '/api' ? 307 : 301, locationOf(`${target.path}/`, target.query));
    }
    if (await this.routing.dispatch(context, path)) return;
    // cAdvisor redirects every other path to its web pages.
    if (this.routing.serves('/containers/')) return redirect(exchange, 307, `${this.prefix}/containers/`);
    throw notFound(`nothing is served at ${JSON.stringify(path)}; the API begins at ${this.prefix}/api/`);
  }

  private checkAdmission(exchange: Exchange): void {
    const { web } = this;
    if (this.rejected.has(exchange.request.socket)) {
      exchange.response.shouldKeepAlive = false;
      throw new RequestError(503, `more than ${web.maxConnections} connections are open at this address`);
    }
    if ((exchange.request.url ?? '').length > web.maxUrlLength) {
      throw new RequestError(414, `the request target is longer than ${web.maxUrlLength} bytes`);
    }
  }

  private get prefix(): string {
    return this.web.urlBasePrefix;
  }

  /** @returns undefined outside the prefix, `''` for the prefix itself */
  private withoutPrefix(path: string): string | undefined {
    const isBelow = path === this.prefix || path.startsWith(`${this.prefix}/`);
    return isBelow ? path.slice(this.prefix.length) : undefined;
  }

  private readonly serve: Serve = async (exchange, pluginId, what, handler, args) => {
    const { queries } = this.options;
    const target = exchange.request.url ?? '/';
    const retryAfterS = pluginId === AGENT ? undefined : queries?.admit(what, target);
    if (retryAfterS !== undefined) {
      exchange.response.setHeader('Retry-After', retryAfterS);
      throw new RequestError(503, `the agent keeps within its CPU budget; try again in ${retryAfterS} s`);
    }
    let spentMs = 0;
    const call: PluginCall = (part, fn) => {
      const started = performance.now();
      try {
        return this.callPlugin(pluginId, `${what} ${part}`, fn);
      } finally {
        spentMs += performance.now() - started;
      }
    };
    try {
      await this.answerWith(exchange, handler, args, call);
    } finally {
      queries?.spent(what, target, spentMs);
    }
  };

  private async answerWith(
    exchange: Exchange,
    handler: RequestHandler,
    args: readonly string[],
    call: PluginCall,
  ): Promise<void> {
    const request = apiRequest(exchange, args);
    const outcome = call('handler', () => handler(request));
    const answer = outcome instanceof Promise ? await exchange.withinLimit(outcome) : outcome;
    const checked = call('answer', () => checkAnswer(answer));
    if ('stream' in checked) await sendStream(exchange, checked, call);
    else await sendAnswer(exchange, checked, call, this.writers);
  }

  /** Calls a plugin through the guard. A RequestError is an answer, not a fault: it bypasses the guard. */
  private callPlugin<T>(pluginId: string, what: string, call: () => T): T {
    let requestError: unknown;
    const keep = (error: unknown): undefined => {
      if (!isRequestError(error)) throw error;
      requestError = error;
      return undefined;
    };
    if (pluginId === AGENT) return call();
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
        if (requestError !== undefined) throw requestError;
        return value;
      }) as T;
    }
    if (requestError !== undefined) throw requestError;
    return result as T;
  }
}
