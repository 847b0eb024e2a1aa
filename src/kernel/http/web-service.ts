import type { QueryGate } from '../budget/index.js';
import { Token } from '../composition/index.js';
import type { ActiveConfig } from '../config/index.js';
import type { Endpoint } from '../contracts/index.js';
import type { LoggerSource } from '../log/index.js';
import type { ActivePlugins, Supervisor } from '../supervision/index.js';
import type { Mounts } from './routes.js';
import type { SecretPlaces } from './security/secret-file.js';
import { HttpServer } from './server.js';

export const HTTP = new Token<WebService>('http');
/** Descriptors of listening sockets, used instead of `web.listen`. */
export const SOCKETS = new Token<readonly number[]>('sockets');

export class WebService {
  private server: HttpServer | undefined;
  private own: Endpoint['routes'] = {};

  constructor(
    private readonly active: ActiveConfig,
    private readonly sockets: readonly number[],
    private readonly plugins: ActivePlugins,
    private readonly supervisor: Supervisor,
    private readonly logs: LoggerSource,
    private readonly queries?: QueryGate,
  ) {}

  /** Adds routes of the agent itself. Call before `start`. */
  serve(routes: Endpoint['routes']): void {
    this.own = { ...this.own, ...routes };
  }

  /** @throws TallymanError when an address cannot be listened on, or two plugins serve the same path */
  async start(): Promise<void> {
    const { active, sockets, supervisor, logs, own, queries } = this;
    this.server = new HttpServer({
      web: active.config.web,
      sockets,
      secrets: this.secrets(),
      ...this.mounts(),
      own,
      guard: (id, what, call) => supervisor.callOf(id, what, call),
      ...(queries !== undefined && { queries }),
      logger: logs.logger('http'),
      accessLogger: logs.logger('http', true),
    });
    await this.server.start();
  }

  /** Stops the server after open requests have finished, or after the limit. */
  async quiesce(limitMs: number): Promise<void> {
    await this.server?.stop(limitMs);
    this.server = undefined;
  }

  urls(): string[] {
    return this.server?.urls() ?? [];
  }

  /** The served paths; `undefined` while the server is not running. */
  routes(): string[] | undefined {
    return this.server?.routes();
  }

  /** Called when API versions or endpoints have been added or removed. */
  remount(): void {
    this.server?.remount(this.mounts());
  }

  renewSecrets(): void {
    this.server?.renewSecrets();
  }

  /** @throws TallymanError when an address or a file cannot be used; nothing has changed then */
  async reconfigure(): Promise<void> {
    await this.server?.reconfigure(this.active.config.web, this.secrets());
  }

  private secrets(): SecretPlaces {
    return { directory: this.active.directory, credentials: process.env.CREDENTIALS_DIRECTORY };
  }

  private mounts(): Mounts {
    const mounted = <K extends 'api-version' | 'endpoint'>(kind: K) =>
      this.plugins.of(kind).map(({ record, instance }) => ({ id: record.id, instance }));
    return { apiVersions: mounted('api-version'), endpoints: mounted('endpoint') };
  }
}
