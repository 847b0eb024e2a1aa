import type { ActiveConfig } from '../config/index.js';
import type { Endpoint } from '../contracts/index.js';
import type { LoggerSource } from '../log/index.js';
import type { ActivePlugins, Supervisor } from '../supervision/index.js';
import type { HttpServer } from './options.js';
import type { Mounts } from './routes.js';
import type { SecretPlaces } from './security/index.js';
import { createHttpServer } from './server.js';

/** Serves what the active plugins answer, as the configuration says, from its start on. */
export class WebService {
  private server: HttpServer | undefined;
  private own: Endpoint['routes'] = {};

  constructor(
    private readonly active: ActiveConfig,
    private readonly sockets: readonly number[],
    private readonly plugins: ActivePlugins,
    private readonly supervisor: Supervisor,
    private readonly logs: LoggerSource,
  ) {}

  /** Adds routes of the agent's own; before the start. */
  serve(routes: Endpoint['routes']): void {
    this.own = { ...this.own, ...routes };
  }

  /** @throws TallymanError when an address cannot be listened on, or two plugins serve the same path */
  async start(): Promise<void> {
    const { active, sockets, supervisor, logs, own } = this;
    this.server = createHttpServer({
      web: active.config.web,
      sockets,
      secrets: this.secrets(),
      ...this.mounts(),
      own,
      guard: (id, what, call) => supervisor.callOf(id, what, call),
      logger: logs.logger('http'),
      accessLogger: logs.logger('http', true),
    });
    await this.server.start();
  }

  /** Finishes open requests. */
  async quiesce(limitMs: number): Promise<void> {
    await this.server?.stop(limitMs);
    this.server = undefined;
  }

  urls(): string[] {
    return this.server?.urls() ?? [];
  }

  /** Everything that is served; `undefined` while nothing is. */
  routes(): string[] | undefined {
    return this.server?.routes();
  }

  /** API versions or endpoints came or went. */
  remount(): void {
    this.server?.remount(this.mounts());
  }

  renewSecrets(): void {
    this.server?.renewSecrets();
  }

  /** @throws TallymanError when an address or a file cannot be used; then nothing has changed */
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
