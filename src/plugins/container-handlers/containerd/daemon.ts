import { type EngineReport, messageOf, type RuntimeInfo } from '../../../kernel/contracts/index.js';
import {
  connectGrpc,
  type Denial,
  type Engine,
  EngineConnection,
  EngineError,
  EngineInfoCache,
  type EngineListener,
  type GrpcClient,
  type KnownContainer,
  type KnownEnd,
  OnceLogger,
  type PathIdentity,
  type PathPattern,
} from '../common/index.js';
import { type Envelope, methods } from './api.js';
import { ContainerdInfo } from './engine-info.js';
import { readEvent } from './events.js';
import { ContainerdKnowledge, type KnowledgeOptions, keyOf } from './knowledge.js';

/** How long the files of containers hold up their names. */
const DETAILS_PATIENCE = 1000;

export interface DaemonOptions extends KnowledgeOptions {
  /** Path of the socket. */
  readonly socket: string;
  /** Whether it listens where containerd does unless it is told otherwise: it need not be there. */
  readonly optional: boolean;
  /** ms */
  readonly resyncInterval: number;
  /** Told containerd's data directory after each connect. */
  onRoot(directory: string): void;
}

/**
 * One containerd: keeps what it says of its containers in memory, by its event stream and a comparison with the lists
 * now and then.
 */
export class ContainerdDaemon implements Engine, PathPattern {
  readonly usage = undefined;
  private readonly knowledge: ContainerdKnowledge;
  private readonly connection: EngineConnection;
  private readonly once: OnceLogger;
  private readonly info: ContainerdInfo;
  private readonly reports: EngineInfoCache<GrpcClient>;
  private client: GrpcClient | undefined;
  /** What changed while a connection is being made: told when all is known. */
  private changed: Set<string> | undefined;

  private listener: EngineListener | undefined;

  constructor(private readonly options: DaemonOptions) {
    const url = `unix://${options.socket}`;
    this.once = new OnceLogger(options.logger);
    this.knowledge = new ContainerdKnowledge(options, (key) => this.tell(key), this.once);
    this.connection = new EngineConnection(
      { ...options, url },
      { run: (established) => this.session(established), changed: () => this.listener?.allChanged() },
    );
    this.info = new ContainerdInfo(this.knowledge);
    this.reports = new EngineInfoCache('containerd', url, options.clock, (client, versions) =>
      this.info.ask(client, versions),
    );
  }

  /** @returns itself, which tells the listener from now on */
  attach(listener: EngineListener): this {
    this.listener = listener;
    return this;
  }

  get state(): 'new' | 'up' | 'down' {
    return this.connection.state;
  }

  get runtime(): RuntimeInfo | undefined {
    return this.connection.runtime;
  }

  start(): Promise<void> {
    return this.connection.start();
  }

  stop(): void {
    this.connection.stop();
    this.client?.close();
    this.knowledge.disconnected();
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

  find(key: string): KnownContainer | undefined {
    return this.knowledge.find(key, this.state !== 'up');
  }

  denial(key: string): Denial | undefined {
    return this.knowledge.denial(key);
  }

  ask(key: string): void {
    if (this.state === 'up') this.knowledge.ask(key);
  }

  departed(): readonly KnownEnd[] {
    return this.knowledge.departed();
  }

  report(): Promise<EngineReport> {
    return this.reports.report(this.state === 'up' ? this.client : undefined, this.runtime, this.connection.away);
  }

  /** Cgroups, with the container that is known by each, and those that claim it besides. */
  *cgroups(): Generator<{ readonly path: string; readonly key: string }> {
    for (const path of this.knowledge.claims.all()) yield { path, key: this.knowledge.claims.owner(path)! };
  }

  contested(): { readonly path: string; readonly keys: readonly string[] }[] {
    return this.knowledge.claims.contested();
  }

  /** Compares all that containerd has with what is known, outside of the usual rhythm. */
  async compare(): Promise<void> {
    if (this.client !== undefined && this.state === 'up') await this.resync(this.client);
  }

  /** One connection, from its first call to its loss. */
  private async session(established: (runtime: RuntimeInfo, containers: number) => void): Promise<never> {
    const { socket, timeout, resyncInterval, timers } = this.options;
    const client = await connectGrpc(socket, timeout);
    this.client = client;
    let stopResync = () => {};
    try {
      if (this.connection.stopped) throw new Error('stopped');
      const { version } = await client.call(methods.version, {});
      const ended = client
        .stream(methods.events, {}, (event) => this.event(event), {
          endless: true,
          onGarbage: (error) => this.once.warn('event', `${messageOf(error)}; it was left out`),
        })
        .then(() => {
          throw new Error('the event stream ended');
        });
      ended.catch(() => {});
      this.knowledge.connected(client);
      this.changed = new Set();
      await Promise.race([this.resync(client), ended]);
      established({ name: 'containerd', version: version || 'unknown', apiVersion: 'v1' }, this.knowledge.count());
      this.tellChanged();
      void this.tellRoot(client);
      return await Promise.race([
        ended,
        new Promise<never>((_, reject) => {
          stopResync = timers.every(resyncInterval, () => this.resync(client).catch(reject));
        }),
      ]);
    } finally {
      stopResync();
      this.tellChanged();
      this.knowledge.disconnected();
      client.close();
      this.client = undefined;
    }
  }

  /** What takes long to be told of the files of containers comes later. */
  private async resync(client: GrpcClient): Promise<void> {
    const { asked } = await this.knowledge.resync(client);
    const patience = this.connection.pause(DETAILS_PATIENCE);
    await Promise.race([asked, patience.over]);
    patience.end();
  }

  private event(envelope: Envelope): void {
    try {
      const event = readEvent(envelope);
      if (event !== undefined) this.knowledge.event(event);
    } catch (error) {
      this.once.warn('event', `an event of containerd cannot be read and was left out: ${messageOf(error)}`);
    }
  }

  private tell(key: string): void {
    if (this.changed === undefined) this.listener?.containerChanged(key);
    else this.changed.add(key);
  }

  private tellChanged(): void {
    const { changed = [] } = this;
    this.changed = undefined;
    for (const key of changed) this.listener?.containerChanged(key);
  }

  private async tellRoot(client: GrpcClient): Promise<void> {
    try {
      const directory = await this.info.root(client);
      if (directory.startsWith('/')) this.options.onRoot(directory);
    } catch (error) {
      // That it does not answer is said by the connection.
      if (!(error instanceof EngineError && error.status === undefined))
        this.once.warn('root', `${messageOf(error)}; the filesystem of its images stays unmarked`);
    }
  }
}
