import { type EngineReport, type EngineUsage, messageOf, type RuntimeInfo } from '../../../kernel/contracts/index.js';
import {
  EngineBase,
  EngineInfoCache,
  type EngineOptions,
  OnceLogger,
  type OpenConnection,
  record,
  text,
} from '../common/index.js';
import { createEngineClient, type EngineClient, type TlsFiles } from './client.js';
import { ContainerKnowledge, type KnowledgeOptions } from './container-knowledge.js';
import { askInfo } from './engine-info.js';
import { EngineUsageWatch, type UsageOptions } from './engine-usage.js';
import { type EngineEvent, followEvents, sinceText } from './events.js';

export interface DaemonOptions extends KnowledgeOptions, EngineOptions, UsageOptions {
  readonly tls: TlsFiles;
  /** Called with the engine's data directory after each connect. */
  onRoot(directory: string): void;
}

/** One Docker-compatible engine. */
export class DockerDaemon extends EngineBase<EngineClient, ContainerKnowledge> {
  private readonly once: OnceLogger;
  private readonly info: EngineInfoCache<EngineClient>;
  private readonly usageWatch: EngineUsageWatch;
  private since: string | undefined;

  constructor(private readonly options: DaemonOptions) {
    const { endpoint, rules, clock } = options;
    super(options, { url: endpoint.url }, (changed) => new ContainerKnowledge(options, changed));
    this.once = new OnceLogger(options.logger);
    this.info = new EngineInfoCache(rules.namespace, endpoint.url, clock, askInfo);
    this.usageWatch = new EngineUsageWatch(rules.namespace, endpoint.url, options, this.once);
  }

  report(): Promise<EngineReport> {
    return this.info.report(this.state === 'up' ? this.client : undefined, this.runtime, this.connection.away);
  }

  override get usage(): EngineUsage | undefined {
    return this.usageWatch.usage;
  }

  protected async connect(): Promise<OpenConnection<EngineClient>> {
    const { endpoint, tls, timeout, rules } = this.options;
    const client = await createEngineClient(endpoint, tls, timeout);
    this.open = client;
    const runtime = parseVersion(await client.version(), rules.namespace);
    const stream = await client.events(this.since);
    const ended = followEvents(
      stream,
      (event) => this.event(event),
      (line) => this.once.warn('event', 'an event is not JSON and was left out', line.slice(0, 200)),
    );
    return { client, runtime, ended };
  }

  protected override established(client: EngineClient): void {
    this.usageWatch.connected(client);
    void this.tellRoot(client);
  }

  protected override disconnected(): void {
    this.usageWatch.disconnected();
    super.disconnected();
  }

  private async tellRoot(client: EngineClient): Promise<void> {
    try {
      const directory = text(record(await client.info()).DockerRootDir);
      if (directory.startsWith('/')) this.options.onRoot(directory);
    } catch (error) {
      if (!this.connection.stopped)
        this.once.warn('info', `${messageOf(error)}; the filesystem of its images stays unmarked`);
    }
  }

  private event(event: EngineEvent): void {
    if (event.time > 0) this.since = sinceText(event.time);
    this.knowledge.event(event);
  }
}

function parseVersion(answer: unknown, name: string): RuntimeInfo {
  const version = record(answer);
  return {
    name,
    version: text(version.Version) || 'unknown',
    apiVersion: text(version.ApiVersion) || 'unknown',
  };
}
