import {
  type EngineInfo,
  type EngineUsage,
  messageOf,
  type PluginContext,
  type RuntimeInfo,
} from '../../../kernel/contracts/index.js';
import { EngineBase, type OpenConnection, record, text } from '../common/index.js';
import { createEngineClient, type EngineClient } from './client.js';
import { ContainerKnowledge } from './container-knowledge.js';
import { askInfo } from './engine-info.js';
import { EngineUsageWatch } from './engine-usage.js';
import { type EngineEvent, followEvents, sinceText } from './events.js';
import type { DaemonOptions } from './options.js';

export class DockerDaemon extends EngineBase<EngineClient, ContainerKnowledge, DaemonOptions> {
  private readonly usageWatch: EngineUsageWatch;
  private since: string | undefined;

  constructor(context: PluginContext, options: DaemonOptions) {
    const { url } = options.endpoint;
    super(context, options, { url }, (changed) => new ContainerKnowledge(context, options, changed));
    this.usageWatch = new EngineUsageWatch(context, options, this.once);
  }

  override get usage(): EngineUsage | undefined {
    return this.usageWatch.usage;
  }

  protected ask(client: EngineClient, versions: RuntimeInfo): Promise<EngineInfo> {
    return askInfo(client, versions);
  }

  protected async connect(): Promise<OpenConnection<EngineClient>> {
    const { endpoint, tls, timeout, namespace } = this.options;
    const client = await createEngineClient(endpoint, tls, timeout);
    this.open = client;
    const runtime = parseVersion(await client.version(), namespace);
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
      if (directory.startsWith('/')) this.context.linux.labelFilesystem(`${this.options.namespace}-images`, directory);
    } catch (error) {
      if (!this.stopped) this.once.warn('info', `${messageOf(error)}; the filesystem of its images stays unmarked`);
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
