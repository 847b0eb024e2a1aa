import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { ConfigError, exposedMessage, isLoopbackHost } from '../config/index.js';
import { codeOf, TallymanError } from '../contracts/index.js';
import { listen, setAccess, type UnixSocketOptions } from './listen.js';
import type { TlsMaterial } from './security/index.js';

/** Where and how to listen. */
export interface ListenPlan {
  /** Addresses, or descriptors of sockets that listen already. */
  readonly targets: readonly (string | number)[];
  /** TCP is encrypted with this. */
  readonly tls: TlsMaterial | undefined;
  readonly unixSocket: UnixSocketOptions;
  /** Whether passed sockets may be reachable from other hosts; configured addresses have been judged before. */
  readonly mayBeExposed: boolean;
  /** Bytes of the request line and all headers. */
  readonly maxHeaderSize: number;
  /** Milliseconds until a request must have arrived. */
  readonly requestTimeout: number;
  readonly maxConnections: number;
}

/** A listening server. */
export interface Listener {
  readonly target: string | number;
  readonly server: Server;
  readonly isTls: boolean;
  readonly url: string;
  /** Listeners of the same key need not be opened anew. */
  readonly key: string;
}

/** The sockets that the HTTP server listens on, which may change while requests are being answered. */
export class Listeners {
  private plan: ListenPlan | undefined;
  private current: readonly Listener[] = [];
  /** Listen no more, and have answers to finish. */
  private readonly retired = new Set<Server>();

  /** @param prepare gives a new server its handlers */
  constructor(private readonly prepare: (server: Server, isTls: boolean) => void) {}

  get urls(): string[] {
    return this.current.map(({ url }) => url);
  }

  /** Those that other hosts may reach. */
  exposedUrls(): string[] {
    return this.current.filter(({ server }) => isExposed(server)).map(({ url }) => url);
  }

  /**
   * Listens as planned: what is listened on already stays open, what is not wanted any more finishes its answers.
   * @throws TallymanError naming the address; then everything is as it was before
   */
  async open(plan: ListenPlan): Promise<void> {
    const keep = new Map(this.current.map((listener) => [listener.key, listener]));
    const wanted = plan.targets.map((target) => ({ target, key: keyOf(target, plan) }));
    const gone = this.current.filter(({ key }) => !wanted.some((each) => each.key === key));
    const fixed = gone.find(({ target }) => typeof target === 'number');
    if (fixed !== undefined) {
      throw new TallymanError(`a socket passed by systemd (${fixed.url}) cannot change between plain and TLS`, {
        hint: 'restart the agent and the socket unit',
      });
    }
    const fresh = await this.openAll(
      wanted.filter(({ key }) => !keep.has(key)),
      plan,
      gone,
    );
    const all = new Map([...keep, ...fresh.map((listener) => [listener.key, listener] as const)]);
    this.current = wanted.map(({ key }) => all.get(key)!);
    this.plan = plan;
    for (const { server, target } of this.current) {
      setLimits(server, plan);
      setAccess(target, plan.unixSocket);
    }
    for (const { server } of gone) this.retire(server);
  }

  /** Uses renewed certificates for new connections. */
  renew(): void {
    const context = this.plan?.tls?.refresh();
    if (context === undefined) return;
    for (const { server, isTls } of this.current) {
      if (isTls) (server as unknown as { setSecureContext(options: object): void }).setSecureContext(context);
    }
  }

  /** An answer is complete: its connection is not kept if its server listens no more. */
  sweepSoon(): void {
    if (this.retired.size > 0) setImmediate(() => this.sweep());
  }

  private sweep(): void {
    for (const server of this.retired) server.closeIdleConnections();
  }

  /** Takes no new connections. @returns resolves when all are closed */
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
    wanted: readonly { readonly target: string | number }[],
    plan: ListenPlan,
    gone: readonly Listener[],
  ): Promise<Listener[]> {
    const opened: Listener[] = [];
    let yielded = false;
    try {
      for (const { target } of wanted) {
        try {
          opened.push(await this.openOne(target, plan));
        } catch (error) {
          // 127.0.0.1:80 is in the way of :80. Its socket is given up, its connections are not.
          if (yielded || codeOf((error as Error).cause) !== 'EADDRINUSE' || gone.length === 0) throw error;
          yielded = true;
          for (const { server } of gone) server.close();
          opened.push(await this.openOne(target, plan));
        }
      }
    } catch (error) {
      for (const { server } of opened) server.close();
      if (yielded) await this.reopen(gone);
      throw error;
    }
    return opened;
  }

  private async reopen(gone: readonly Listener[]): Promise<void> {
    const again: Listener[] = [];
    for (const { target, url } of gone) {
      // The port that was taken for port 0, not another one.
      const [, address = ''] = /^https?:\/\/(.+)$/.exec(url) ?? [];
      again.push(await this.openOne(target, this.plan!, address || target));
    }
    for (const { server } of gone) this.retire(server);
    this.current = this.current.map((listener) => again.find(({ key }) => key === listener.key) ?? listener);
  }

  /** @param address where to listen for the target, when that says less */
  private async openOne(target: string | number, plan: ListenPlan, address = target): Promise<Listener> {
    const isTls = encrypts(target, plan);
    const server = makeServer(plan, isTls);
    this.prepare(server, isTls);
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

function makeServer({ tls, maxHeaderSize, requestTimeout }: ListenPlan, isTls: boolean): Server {
  const options = {
    maxHeaderSize,
    requestTimeout,
    headersTimeout: requestTimeout,
    connectionsCheckingInterval: Math.min(1000, requestTimeout),
    keepAlive: true,
  };
  if (!isTls) return createServer(options);
  return createTlsServer({ ...options, ...tls!.serverOptions(), handshakeTimeout: requestTimeout });
}

/** Limits that a server looks up for each connection or request. */
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
