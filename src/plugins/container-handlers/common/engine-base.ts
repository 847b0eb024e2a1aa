import {
  type EngineInfo,
  type EngineReport,
  type EngineUsage,
  messageOf,
  OnceLogger,
  type PluginContext,
  type RuntimeInfo,
} from '../../../kernel/contracts/index.js';
import { type EngineAddress, EngineConnection } from './connection.js';
import type { EngineKnowledge } from './engine-knowledge.js';
import type { EngineOptions } from './options.js';
import type { Described } from './publish.js';
import { within } from './within.js';

/** How long the questions about single containers may delay the names of all others. */
const ANSWER_PATIENCE_MS = 1000;

export interface OpenConnection<Client> {
  readonly client: Client;
  readonly runtime: RuntimeInfo;
  /** Rejects with what ended it. */
  readonly ended: Promise<never>;
}

export type Engine = EngineBase<object, EngineKnowledge<object>>;

/**
 * One engine: keeps descriptions of its containers in memory, updated by its events and regularly compared with its lists, and
 * reconnects until it is stopped.
 */
export abstract class EngineBase<
  Client extends object,
  Knowledge extends EngineKnowledge<Client>,
  Options extends EngineOptions = EngineOptions,
> extends EngineConnection {
  readonly knowledge: Knowledge;
  protected readonly once: OnceLogger;
  /** The engine is asked about itself at most this often. */
  protected readonly reportMaxAgeMs: number = 5_000;
  /** What has to be closed, also while the connection is being made. */
  protected open: { close(): void } | undefined;
  /** The last connection that was made. */
  private client: Client | undefined;
  /** Ids that changed while a connection is being made; the listener gets them once all is known. */
  private changedIds: Set<string> | undefined;
  /** What the engine, or its failure, said of itself on this connection. */
  private lastReport: { readonly askedAt: number; readonly report: Promise<EngineReport> } | undefined;

  /** @param createKnowledge makes the knowledge, which calls `changed` */
  constructor(
    context: PluginContext,
    protected readonly options: Options,
    address: EngineAddress,
    createKnowledge: (changed: (id: string) => void) => Knowledge,
  ) {
    super(context, address);
    this.once = new OnceLogger(context.logger);
    this.knowledge = createKnowledge((id) => this.tell(id));
  }

  /** What its images and volumes took up when it was last asked. */
  get usage(): EngineUsage | undefined {
    return undefined;
  }

  override stop(): void {
    super.stop();
    this.disconnected();
    this.open?.close();
  }

  find(id: string): Described | undefined {
    return this.knowledge.find(id, this.state !== 'up');
  }

  /** Information about the engine, or why it cannot be asked. */
  async report(): Promise<EngineReport> {
    const { client, runtime, options } = this;
    const { clock } = this.context;
    const from = { runtime: options.namespace, endpoint: this.address.url };
    if (client === undefined || runtime === undefined) return { ...from, reason: this.away };
    const now = clock.monotonic();
    if (this.lastReport === undefined || now - this.lastReport.askedAt >= this.reportMaxAgeMs) {
      const report = this.ask(client, runtime).then(
        (info) => ({ ...from, askedAt: clock.now(), info }),
        (error: unknown) => ({ ...from, reason: messageOf(error) }),
      );
      this.lastReport = { askedAt: now, report };
    }
    return this.lastReport.report;
  }

  /** Asks the engine about itself. */
  protected abstract ask(client: Client, runtime: RuntimeInfo): Promise<EngineInfo>;

  /** Makes a connection, and sets `open` as soon as there is something to close. */
  protected abstract connect(): Promise<OpenConnection<Client>>;

  /** The first comparison with the engine's lists is done. */
  protected established(_client: Client): void {}

  protected disconnected(): void {
    this.knowledge.disconnected();
  }

  private tell(id: string): void {
    if (this.changedIds === undefined) this.listener?.containerChanged(id);
    else this.changedIds.add(id);
  }

  protected async session(established: (runtime: RuntimeInfo, containers: number) => void): Promise<never> {
    let stopResync = () => {};
    try {
      const { client, runtime, ended } = await this.connect();
      ended.catch(() => {});
      if (this.stopped) throw new Error('stopped');
      this.client = client;
      this.lastReport = undefined;
      this.knowledge.connected(client);
      this.changedIds = new Set();
      await Promise.race([this.resync(client, true), ended]);
      established(runtime, this.knowledge.size);
      this.tellChanged();
      this.established(client);
      return await Promise.race([
        ended,
        new Promise<never>((_, reject) => {
          const resync = () => this.resync(client, false).catch(reject);
          stopResync = this.context.timers.every(this.options.resyncInterval, resync);
        }),
      ]);
    } finally {
      stopResync();
      this.tellChanged();
      this.disconnected();
      this.open?.close();
      this.open = undefined;
    }
  }

  private async resync(client: Client, everything: boolean): Promise<void> {
    const { asked } = await this.knowledge.resync(client, everything);
    await within(this.context, ANSWER_PATIENCE_MS, asked);
  }

  private tellChanged(): void {
    const ids = this.changedIds ?? [];
    this.changedIds = undefined;
    for (const id of ids) this.listener?.containerChanged(id);
  }
}
