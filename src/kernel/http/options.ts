import type { QueryGate } from '../budget/index.js';
import type { Endpoint, Logger } from '../contracts/index.js';
import type { UnixSocketOptions } from './listen.js';
import type { Mounts } from './routes.js';
import type { SecurityOptions } from './security/options.js';
import type { SecretPlaces } from './security/secret-file.js';

/** Options of the HTTP server. Without security options there is no authentication and no encryption. */
export interface WebOptions extends Partial<SecurityOptions> {
  /** Addresses: `host:port`, `[v6]:port`, `:port` (all interfaces) or `unix:/path`. */
  readonly listen: readonly string[];
  /** Path below which everything is served, `''` for none. */
  readonly urlBasePrefix: string;
  /** Time in ms until a request has arrived, until its answer begins, and without progress while it is sent. */
  readonly requestTimeout: number;
  /** Open connections per address; further ones are answered with 503. */
  readonly maxConnections: number;
  /** Bytes of a request target; longer ones are answered with 414. */
  readonly maxUrlLength: number;
  /** Bytes of all headers; more is answered with 431. */
  readonly maxHeaderSize: number;
  /** Bytes of a request body; more is answered with 413. Default 64 KiB. */
  readonly maxBodySize?: number;
  readonly accessLog: boolean;
  /** Allows passed sockets to be reachable from other hosts without authentication. */
  readonly allowUnauthenticated?: boolean;
  readonly unixSocket?: UnixSocketOptions;
}

export interface HttpServerOptions extends Mounts {
  readonly web: WebOptions;
  /** Descriptors of listening sockets; unless empty, they replace `web.listen`. */
  readonly sockets?: readonly number[];
  /** The agent's own routes besides `/healthz`. */
  readonly own?: Endpoint['routes'];
  /** Base folders of the files that `web` names. Default: the root directory. */
  readonly secrets?: SecretPlaces;
  /**
   * Runs a call into a plugin. An error that it throws or rejects with is a fault of the plugin: it is counted, logged
   * once and rethrown. Answers other than 200 are not faults.
   */
  readonly guard: <T>(pluginId: string, what: string, call: () => T) => T;
  /** Refuses expensive requests when the budget is used up. Default: none is refused. */
  readonly queries?: QueryGate;
  readonly logger: Logger;
  /** Logger of the access log. Default: `logger`. */
  readonly accessLogger?: Logger;
}

export interface HttpServer {
  /**
   * Listens on all addresses.
   * @returns the URLs
   * @throws TallymanError naming the address; none is open then
   */
  start(): Promise<string[]>;
  /**
   * Replaces the routes; requests in progress are not affected. When two plugins claim the same path, the first one keeps
   * it and an error is logged.
   */
  remount(mounts: Mounts): void;
  /**
   * Applies other options: opens and closes addresses; requests in progress are not affected.
   * @returns the URLs
   * @throws TallymanError when an address or a file cannot be used; nothing has changed then
   */
  reconfigure(web: WebOptions, secrets?: SecretPlaces): Promise<string[]>;
  /** The URLs of the open addresses. */
  urls(): string[];
  /** Reloads passwords, tokens and certificates whose files have changed; also done every 10 s. */
  renewSecrets(): void;
  /** The served paths without the URL prefix; one that ends in `/` includes everything below it. */
  routes(): string[];
  /** Stops accepting connections, waits up to `graceMs` for open requests, and closes what remains. */
  stop(graceMs: number): Promise<void>;
}
