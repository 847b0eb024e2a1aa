import type { Endpoint, Logger } from '../contracts/index.js';
import type { UnixSocketOptions } from './listen.js';
import type { Mounts } from './routes.js';
import type { SecretPlaces, SecurityOptions } from './security/index.js';

/** Options of the HTTP server. Without those of security nobody is asked who they are, and nothing is encrypted. */
export interface WebOptions extends Partial<SecurityOptions> {
  /** Addresses: `host:port`, `[v6]:port`, `:port` (all interfaces) or `unix:/path`. */
  readonly listen: readonly string[];
  /** Path below which everything is served, `''` for none. */
  readonly urlBasePrefix: string;
  /** Milliseconds until a request must have arrived, until its answer begins, and without progress while it is sent. */
  readonly requestTimeout: number;
  /** Open connections at each address; further ones are answered 503. */
  readonly maxConnections: number;
  /** Bytes of a request target; longer ones are answered 414. */
  readonly maxUrlLength: number;
  /** Bytes of all headers; more is answered 431. */
  readonly maxHeaderSize: number;
  /** Bytes of a request body; more is answered 413. Default 64 KiB. */
  readonly maxBodySize?: number;
  /** Whether every request is logged. */
  readonly accessLog: boolean;
  /** Whether sockets that are passed may be reachable from other hosts without authentication. */
  readonly allowUnauthenticated?: boolean;
  readonly unixSocket?: UnixSocketOptions;
}

export interface HttpServerOptions extends Mounts {
  readonly web: WebOptions;
  /** Descriptors of sockets that already listen; unless empty, they take the place of `web.listen`. */
  readonly sockets?: readonly number[];
  /** What the agent itself answers, beside `/healthz`. */
  readonly own?: Endpoint['routes'];
  /** Where the files of `web` are; from the root directory unless told otherwise. */
  readonly secrets?: SecretPlaces;
  /**
   * Runs a call into a plugin. What the call throws (or its promise rejects with) is a fault of the plugin: it is
   * counted, logged once and thrown on. Answers other than 200 are not faults and do not reach it.
   */
  readonly guard: <T>(pluginId: string, what: string, call: () => T) => T;
  readonly logger: Logger;
  /** Takes a line for each request, where that is configured. Default: `logger`. */
  readonly accessLogger?: Logger;
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
  /**
   * Goes over to other options: opens and closes addresses, while open requests are finished as they began.
   * @returns the URLs
   * @throws TallymanError when an address or a file cannot be used; then nothing has changed
   */
  reconfigure(web: WebOptions, secrets?: SecretPlaces): Promise<string[]>;
  /** The URLs of the addresses that are listened on. */
  urls(): string[];
  /** Reads passwords, tokens and certificates anew where their files have changed; it happens by itself every 10 s. */
  renewSecrets(): void;
  /** Everything that is served: paths without the URL prefix; those ending in `/` with everything below. */
  routes(): string[];
  /** Takes no new connections, finishes open requests, at most for `graceMs`, and closes what is then still open. */
  stop(graceMs: number): Promise<void>;
}
