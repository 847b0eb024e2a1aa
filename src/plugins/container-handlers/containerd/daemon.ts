import { type EngineReport, messageOf } from '../../../kernel/contracts/index.js';
import {
  connectGrpc,
  EngineBase,
  EngineError,
  EngineInfoCache,
  type EngineOptions,
  type GrpcClient,
  OnceLogger,
  type OpenConnection,
  type PathIdentity,
  type PathPattern,
} from '../common/index.js';
import { type Envelope, methods } from './api.js';
import { ContainerdInfo } from './engine-info.js';
import { readEvent } from './events.js';
import { ContainerdKnowledge, type KnowledgeOptions, keyOf } from './knowledge.js';

export interface DaemonOptions extends KnowledgeOptions, EngineOptions {
  /** Path of the socket. */
  readonly socket: string;
  /** Whether this is the default socket, which may be absent. */
  readonly optional: boolean;
  /** Called with containerd's data directory after each connect. */
  onRoot(directory: string): void;
}

/** One containerd. */
export class ContainerdDaemon extends EngineBase<GrpcClient, ContainerdKnowledge> implements PathPattern {
  private readonly once: OnceLogger;
  private readonly info: ContainerdInfo;
  private readonly reports: EngineInfoCache<GrpcClient>;

  constructor(private readonly options: DaemonOptions) {
    const url = `unix://${options.socket}`;
    super(options, { url, optional: options.optional }, (changed) => new ContainerdKnowledge(options, changed));
    this.once = new OnceLogger(options.logger);
    this.info = new ContainerdInfo(this.knowledge);
    this.reports = new EngineInfoCache('containerd', url, options.clock, (client, versions) =>
      this.info.ask(client, versions),
    );
  }

  /** Ids are any words: a cgroup is known by what containerd and the kernel say of it, or by its namespace. */
  match(path: string): PathIdentity | undefined {
    const key = this.knowledge.claims.owner(path);
    if (key !== undefined) return { id: key, certain: true };
    const [, namespace, id] = /^\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
    if (namespace === undefined || id === undefined || !this.knowledge.watched.has(namespace)) return undefined;
    return { id: keyOf(namespace, id), certain: false };
  }

  pathsOf(key: string): readonly string[] {
    return this.knowledge.claims.pathsOf(key);
  }

  report(): Promise<EngineReport> {
    return this.reports.report(this.state === 'up' ? this.client : undefined, this.runtime, this.connection.away);
  }

  /** Cgroups that several of its running containers claim. */
  contested(): { readonly path: string; readonly keys: readonly string[] }[] {
    return this.knowledge.claims.contested();
  }

  protected async connect(): Promise<OpenConnection<GrpcClient>> {
    const { socket, timeout } = this.options;
    const client = await connectGrpc(socket, timeout);
    this.open = client;
    const { version } = await client.call(methods.version, {});
    const ended = client
      .stream(methods.events, {}, (event) => this.event(event), {
        endless: true,
        onGarbage: (error) => this.once.warn('event', `${messageOf(error)}; it was left out`),
      })
      .then(() => {
        throw new Error('the event stream ended');
      });
    return { client, ended, runtime: { name: 'containerd', version: version || 'unknown', apiVersion: 'v1' } };
  }

  protected override established(client: GrpcClient): void {
    void this.tellRoot(client);
  }

  private event(envelope: Envelope): void {
    try {
      const event = readEvent(envelope);
      if (event !== undefined) this.knowledge.event(event);
    } catch (error) {
      this.once.warn('event', `an event of containerd cannot be read and was left out: ${messageOf(error)}`);
    }
  }

  private async tellRoot(client: GrpcClient): Promise<void> {
    try {
      const directory = await this.info.root(client);
      if (directory.startsWith('/')) this.options.onRoot(directory);
    } catch (error) {
      // The connection logs that it does not answer.
      if (!(error instanceof EngineError && error.status === undefined))
        this.once.warn('root', `${messageOf(error)}; the filesystem of its images stays unmarked`);
    }
  }
}
