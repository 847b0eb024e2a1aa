import { type EngineReport, type EngineUsage, messageOf, type RuntimeInfo } from '../../../kernel/contracts/index.js';
import {
  type Denial,
  type Engine,
  EngineConnection,
  EngineInfoCache,
  type EngineListener,
  type KnownContainer,
  type KnownEnd,
  OnceLogger,
  record,
  text,
} from '../common/index.js';
import { createEngineClient, type EngineClient, type TlsFiles } from './client.js';
import { ContainerKnowledge, type KnowledgeOptions } from './container-knowledge.js';
import { askInfo } from './engine-info.js';
import { EngineUsageWatch, type UsageOptions } from './engine-usage.js';
import { followEvents, sinceText } from './event-stream.js';
import type { EngineEvent } from './events.js';

/** How long one container that the engine cannot inspect holds up what is known of all others. */
const INSPECT_PATIENCE = 1000;

export interface DaemonOptions extends KnowledgeOptions, UsageOptions {
  readonly tls: TlsFiles;
  /** ms */
  readonly resyncInterval: number;
  /** Told the engine's data directory after each connect. */
  onRoot(directory: string): void;
}

/**
 * One Docker-compatible engine: keeps what it says of its containers in memory, by one event stream and a comparison
 * with the full list now and then, and reconnects for ever.
 */
export class DockerDaemon implements Engine {
  private readonly options: DaemonOptions;
  private readonly knowledge: ContainerKnowledge;
  private readonly once: OnceLogger;
  private readonly connection: EngineConnection;
  private client: EngineClient | undefined;
  private readonly info: EngineInfoCache<EngineClient>;
  private readonly usageWatch: EngineUsageWatch;
  private since: string | undefined;
  private quiet = false;

  constructor(options: DaemonOptions, listener: EngineListener) {
    this.options = options;
    this.knowledge = new ContainerKnowledge(options, (id) => {
      if (!this.quiet) listener.containerChanged(id);
    });
    this.once = new OnceLogger(options.logger);
    this.connection = new EngineConnection(
      { ...options, url: options.endpoint.url },
      { run: (established) => this.session(established), changed: () => listener.allChanged() },
    );
    this.info = new EngineInfoCache(options.rules.namespace, options.endpoint.url, options.clock, askInfo);
    this.usageWatch = new EngineUsageWatch(options.rules.namespace, options.endpoint.url, options, this.once);
  }

  /** `new` until the first connection succeeded or failed. */
  get state(): 'new' | 'up' | 'down' {
    return this.connection.state;
  }

  /** What the engine said of itself, while it can be reached. */
  get runtime(): RuntimeInfo | undefined {
    return this.connection.runtime;
  }

  /** What the engine says of itself, or why it does not. */
  report(): Promise<EngineReport> {
    return this.info.report(this.state === 'up' ? this.client : undefined, this.runtime, this.connection.away);
  }

  /** What its images and volumes took up when it was last asked. */
  get usage(): EngineUsage | undefined {
    return this.usageWatch.usage;
  }

  /** Connects, and reconnects for ever. @returns settles when the first connection succeeded or failed */
  start(): Promise<void> {
    return this.connection.start();
  }

  stop(): void {
    this.connection.stop();
    this.usageWatch.disconnected();
    this.client?.close();
    this.knowledge.disconnected();
  }

  find(id: string): KnownContainer | undefined {
    return this.knowledge.find(id, this.state !== 'up');
  }

  /** Why the engine has no such container; `undefined` when it has one or was not asked. */
  denial(id: string): Denial | undefined {
    return this.knowledge.denial(id);
  }

  /** Asks the engine about an id; `containerChanged` tells the answer. Nothing happens while it is away. */
  ask(id: string): void {
    if (this.state === 'up') this.knowledge.ask(id);
  }

  /** Containers that ended within `tombstoneFor`, oldest first. */
  departed(): readonly KnownEnd[] {
    return this.knowledge.departed();
  }

  /** One connection, from its first call to its loss. */
  private async session(established: (runtime: RuntimeInfo, containers: number) => void): Promise<never> {
    const { endpoint, tls, timeout, resyncInterval, timers } = this.options;
    let stopResync = () => {};
    try {
      this.client = await createEngineClient(endpoint, tls, timeout);
      const runtime = parseVersion(await this.client.version(), this.options.rules.namespace);
      const stream = await this.client.events(this.since);
      const ended = followEvents(
        stream,
        (event) => this.event(event),
        (line) => this.once.warn('event', 'an event is not JSON and was left out', line.slice(0, 200)),
      );
      ended.catch(() => {});
      this.knowledge.connected(this.client);
      this.quiet = true;
      await Promise.race([this.resync(true), ended]);
      this.quiet = false;
      established(runtime, this.knowledge.size);
      this.usageWatch.connected(this.client);
      void this.tellRoot();
      return await Promise.race([
        ended,
        new Promise<never>((_, reject) => {
          stopResync = timers.every(resyncInterval, () => this.resync(false).catch(reject));
        }),
      ]);
    } finally {
      this.quiet = false;
      stopResync();
      this.usageWatch.disconnected();
      this.knowledge.disconnected();
      this.client?.close();
      this.client = undefined;
    }
  }

  private async tellRoot(): Promise<void> {
    try {
      const directory = text(record(await this.client!.info()).DockerRootDir);
      if (directory.startsWith('/')) this.options.onRoot(directory);
    } catch (error) {
      if (!this.connection.stopped)
        this.once.warn('info', `${messageOf(error)}; the filesystem of its images stays unmarked`);
    }
  }

  /** What is taking too long to inspect comes later. */
  private async resync(everything: boolean): Promise<void> {
    const { inspected } = await this.knowledge.resync(this.client!, everything);
    const patience = this.connection.pause(INSPECT_PATIENCE);
    await Promise.race([inspected, patience.over]);
    patience.end();
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
