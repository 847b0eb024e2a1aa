import type { EngineReport, EngineUsage, RuntimeInfo } from '../../../kernel/contracts/index.js';
import { type ConnectionOptions, EngineConnection } from './connection.js';
import type { KnownContainer } from './container-table.js';
import type { EngineKnowledge, EngineKnowledgeOptions } from './engine-knowledge.js';
import type { Denial, Engine, EngineListener, KnownEnd } from './handler.js';

/** How long the questions about single containers may delay the names of all others. */
const ANSWER_PATIENCE_MS = 1000;

export interface EngineOptions extends EngineKnowledgeOptions {
  /** ms */
  readonly resyncInterval: number;
}

/** A connection that was made. */
export interface OpenConnection<Client> {
  readonly client: Client;
  readonly runtime: RuntimeInfo;
  /** Rejects with what ended it. */
  readonly ended: Promise<never>;
}

/**
 * One engine: keeps descriptions of its containers in memory, updated by its events and regularly compared with its lists, and
 * reconnects until it is stopped.
 */
export abstract class EngineBase<Client extends object, Knowledge extends EngineKnowledge<Client>> implements Engine {
  protected readonly connection: EngineConnection;
  protected readonly knowledge: Knowledge;
  /** Where the engine is; another address may follow when it is not reached there. */
  protected readonly address: { url: string } & ConnectionOptions;
  /** What has to be closed, also while the connection is being made. */
  protected open: { close(): void } | undefined;
  protected client: Client | undefined;
  /** Ids that changed while a connection is being made; the listener gets them once all is known. */
  private changedIds: Set<string> | undefined;
  private listener: EngineListener | undefined;

  /** @param createKnowledge makes the knowledge, which calls `changed` */
  constructor(
    private readonly engine: EngineOptions,
    address: Pick<ConnectionOptions, 'url' | 'optional'>,
    createKnowledge: (changed: (id: string) => void) => Knowledge,
  ) {
    const { clock, timers, logger } = engine;
    this.address = { ...address, clock, timers, logger };
    this.knowledge = createKnowledge((id) => this.tell(id));
    this.connection = new EngineConnection(this.address, {
      run: (established) => this.session(established),
      changed: () => this.listener?.allChanged(),
    });
  }

  /** Sets the listener. @returns itself */
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

  get usage(): EngineUsage | undefined {
    return undefined;
  }

  start(): Promise<void> {
    return this.connection.start();
  }

  stop(): void {
    this.connection.stop();
    this.disconnected();
    this.open?.close();
  }

  find(id: string): KnownContainer | undefined {
    return this.knowledge.find(id, this.state !== 'up');
  }

  denial(id: string): Denial | undefined {
    return this.knowledge.denial(id);
  }

  ask(id: string): void {
    if (this.state === 'up') this.knowledge.ask(id);
  }

  departed(): readonly KnownEnd[] {
    return this.knowledge.departed();
  }

  abstract report(): Promise<EngineReport>;

  /** Makes a connection, and sets `open` as soon as there is something to close. */
  protected abstract connect(): Promise<OpenConnection<Client>>;

  /** The first comparison with the engine's lists is done. */
  protected established(_client: Client): void {}

  /** The connection is lost. */
  protected disconnected(): void {
    this.knowledge.disconnected();
  }

  /** Passes on that a container changed. */
  private tell(id: string): void {
    if (this.changedIds === undefined) this.listener?.containerChanged(id);
    else this.changedIds.add(id);
  }

  /** One connection, from its first call to its loss. */
  private async session(established: (runtime: RuntimeInfo, containers: number) => void): Promise<never> {
    const { timers, resyncInterval } = this.engine;
    let stopResync = () => {};
    try {
      const { client, runtime, ended } = await this.connect();
      ended.catch(() => {});
      if (this.connection.stopped) throw new Error('stopped');
      this.client = client;
      this.knowledge.connected(client);
      this.changedIds = new Set();
      await Promise.race([this.resync(client, true), ended]);
      established(runtime, this.knowledge.size);
      this.tellChanged();
      this.established(client);
      return await Promise.race([
        ended,
        new Promise<never>((_, reject) => {
          stopResync = timers.every(resyncInterval, () => this.resync(client, false).catch(reject));
        }),
      ]);
    } finally {
      stopResync();
      this.tellChanged();
      this.disconnected();
      this.open?.close();
      this.open = undefined;
      this.client = undefined;
    }
  }

  private async resync(client: Client, everything: boolean): Promise<void> {
    const { asked } = await this.knowledge.resync(client, everything);
    const patience = this.connection.pause(ANSWER_PATIENCE_MS);
    await Promise.race([asked, patience.over]);
    patience.end();
  }

  private tellChanged(): void {
    const ids = this.changedIds ?? [];
    this.changedIds = undefined;
    for (const id of ids) this.listener?.containerChanged(id);
  }
}
