import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { ConfigError, exposedMessage, isLoopbackHost, type WebConfig } from '../config/index.js';
import { codeOf, TallymanError } from '../contracts/index.js';
import { listen, setAccess } from './listen.js';
import type { TlsMaterial } from './security/tls.js';

/** What to listen on, and the limits of connections. */
export interface ListenPlan {
  /** Addresses, or descriptors of listening sockets. */
  readonly targets: readonly (string | number)[];
  readonly tls: TlsMaterial | undefined;
  readonly unixSocket: WebConfig['unixSocket'];
  /** Whether passed sockets may be reachable from other hosts; configured addresses were checked with the configuration. */
  readonly mayBeExposed: boolean;
  /** Maximum size of the request line and all headers in bytes. */
  readonly maxHeaderSize: number;
  /** Time in ms within which a request must arrive. */
  readonly requestTimeout: number;
  readonly maxConnections: number;
}

export interface Listener {
  readonly target: string | number;
  readonly server: Server;
  readonly isTls: boolean;
  readonly url: string;
  /** A listener with the same key can be kept when the plan changes. */
  readonly key: string;
}

/** The sockets of the HTTP server; they can change while requests are being handled. */
export class Listeners {
  private plan: ListenPlan | undefined;
  private current: readonly Listener[] = [];
  /** Servers that no longer listen but have unfinished requests. */
  private readonly retired = new Set<Server>();

  /** @param prepare attaches handlers to a new server */
  constructor(private readonly prepare: (server: Server, isTls: boolean) => void) {}

  get urls(): string[] {
    return this.current.map(({ url }) => url);
  }

  /** Those reachable from other hosts. */
  exposedUrls(): string[] {
    return this.current.filter(({ server }) => isExposed(server)).map(({ url }) => url);
  }

  /**
   * Applies the plan: existing listeners stay open, obsolete ones finish their requests.
   * @throws TallymanError naming the address; nothing has changed then
   */
  async open(plan: ListenPlan): Promise<void> {
    const keep = new Map(this.current.map((listener) => [listener.key, listener]));
    const targets = plan.targets.map((target) => ({ target, key: keyOf(target, plan) }));
    const obsolete = this.current.filter(({ key }) => !targets.some((each) => each.key === key));
    const fixed = obsolete.find(({ target }) => typeof target === 'number');
    if (fixed !== undefined) {
      throw new TallymanError(`a socket passed by systemd (${fixed.url}) cannot change between plain and TLS`, {
        hint: 'restart the agent and the socket unit',
      });
    }
    const fresh = await this.openAll(
      targets.filter(({ key }) => !keep.has(key)),
      plan,
      obsolete,
    );
    const all = new Map([...keep, ...fresh.map((listener) => [listener.key, listener] as const)]);
    this.current = targets.map(({ key }) => all.get(key)!);
    this.plan = plan;
    for (const { server, target } of this.current) {
      setLimits(server, plan);
      setAccess(target, plan.unixSocket);
    }
    for (const { server } of obsolete) this.retire(server);
  }

  /** Uses changed certificates for new connections. */
  renew(): void {
    const context = this.plan?.tls?.refresh();
    if (context === undefined) return;
    for (const { server, isTls } of this.current) {
      if (isTls) (server as unknown as { setSecureContext(options: object): void }).setSecureContext(context);
    }
  }

  /** Called when a request is complete: closes idle connections of servers that no longer listen. */
  closeIdleSoon(): void {
    if (this.retired.size === 0) return;
    setImmediate(() => {
      for (const server of this.retired) server.closeIdleConnections();
    });
  }

  /** Resolves when all connections are closed. */
  async close(): Promise<void> {
    for (const { server } of this.current) this.retire(server);
    this.current = [];
    const closed = [...this.retired].map((server) => new Promise((resolve) => server.once('close', resolve)));
    await Promise.all(closed);
  }

  closeAllConnections(): void {
    for (const server of this.retired) server.closeAllConnections();
  }

  private async openAll(
    targets: readonly { readonly target: string | number }[],
    plan: ListenPlan,
    obsolete: readonly Listener[],
  ): Promise<Listener[]> {
    const opened: Listener[] = [];
    let hasReleased = false;
    try {
      for (const { target } of targets) {
        try {
          opened.push(await this.openOne(target, plan));
        } catch (error) {
          // 127.0.0.1:80 blocks :80. Its socket is closed, its connections are not.
          if (hasReleased || codeOf((error as Error).cause) !== 'EADDRINUSE' || obsolete.length === 0) throw error;
          hasReleased = true;
          for (const { server } of obsolete) server.close();
          opened.push(await this.openOne(target, plan));
        }
      }
    } catch (error) {
      for (const { server } of opened) server.close();
      if (hasReleased) await this.reopen(obsolete);
      throw error;
    }
    return opened;
  }

  private async reopen(obsolete: readonly Listener[]): Promise<void> {
    const again: Listener[] = [];
    for (const { target, url } of obsolete) {
      // The port that was assigned for port 0, not another one.
      const [, address = ''] = /^https?:\/\/(.+)$/.exec(url) ?? [];
      again.push(await this.openOne(target, this.plan!, address || target));
    }
    for (const { server } of obsolete) this.retire(server);
    this.current = this.current.map((listener) => again.find(({ key }) => key === listener.key) ?? listener);
  }

  /** @param address the address to listen on when it is more specific than the target */
  private async openOne(target: string | number, plan: ListenPlan, address = target): Promise<Listener> {
    const isTls = encrypts(target, plan);
    const server = makeServer(plan, isTls);
    this.prepare(server, isTls);
    keepRequestsInTransit(server);
    const url = await listen(server, address, isTls ? 'https' : 'http');
    const listener = { target, server, isTls, url, key: keyOf(target, plan) };
    try {
      setAccess(target, plan.unixSocket);
      if (typeof target === 'number' && !plan.mayBeExposed) refuseExposed(listener);
      return listener;
    } catch (error) {
      server.close();
      throw error;
    }
  }

  private retire(server: Server): void {
    this.retired.add(server);
    server.once('close', () => this.retired.delete(server));
    server.close();
    server.closeIdleConnections();
  }
}

/**
 * Lets an idle connection that timed out live when a request has arrived. Where the process could not run for a while (a
 * busy host, `SIGSTOP`), timeouts are noticed before the requests that wait in the sockets, and closing a connection with
 * such a request resets it.
 */
export function keepRequestsInTransit(server: Server): void {
  server.on('timeout', (socket: Socket) => {
    const { bytesRead } = socket;
    // By then the event loop has read what has arrived.
    setImmediate(() => {
      if (socket.bytesRead === bytesRead) socket.destroy();
    });
  });
}

function makeServer({ tls, maxHeaderSize, requestTimeout }: ListenPlan, isTls: boolean): Server {
  const options = {
    maxHeaderSize,
    requestTimeout,
    headersTimeout: requestTimeout,
    // Each look wakes the process.
    connectionsCheckingInterval: Math.max(Math.min(1000, requestTimeout), requestTimeout >> 3),
    keepAlive: true,
  };
  if (!isTls) return createServer(options);
  return createTlsServer({ ...options, ...tls!.serverOptions(), handshakeTimeout: requestTimeout });
}

/** Limits that a server reads for each connection or request. */
function setLimits(server: Server, { maxHeaderSize, requestTimeout, maxConnections }: ListenPlan): void {
  Object.assign(server, { maxHeaderSize, requestTimeout, headersTimeout: requestTimeout, maxConnections });
}

function encrypts(target: string | number, { tls }: ListenPlan): boolean {
  return tls !== undefined && !(typeof target === 'string' && target.startsWith('unix:'));
}

function keyOf(target: string | number, plan: ListenPlan): string {
  const { requestCert, rejectUnauthorized } = plan.tls?.serverOptions() ?? {};
  return encrypts(target, plan) ? `tls ${target} ${requestCert} ${rejectUnauthorized}` : `plain ${target}`;
}

function isExposed(server: Server): boolean {
  const address = server.address();
  return address !== null && typeof address !== 'string' && !isLoopbackHost(address.address);
}

function refuseExposed({ server, target, url }: Listener): void {
  if (!isExposed(server)) return;
  throw new ConfigError([
    { source: `the socket passed as descriptor ${target}`, path: '', message: exposedMessage(url) },
  ]);
}
