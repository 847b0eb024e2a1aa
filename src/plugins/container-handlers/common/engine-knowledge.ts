import { messageOf, OnceLogger, type PluginContext } from '../../../kernel/contracts/index.js';
import { ContainerTable, type KnownEnd } from './container-table.js';
import { EngineError } from './engine-error.js';
import { InspectFailures } from './inspect-failures.js';
import type { EngineOptions } from './options.js';
import { type Described, warnOfLabels } from './publish.js';
import { RefreshQueue } from './refresh-queue.js';

/** Ids that are remembered as denied, and ends of containers that are not known yet. */
const MAX_REMEMBERED = 1024;
/** A lost connection fails its calls first; by then it has reported itself. */
const FAILURE_REPORT_DELAY_MS = 100;

/** `unknown`: the engine does not know the id. `removed`: it reported that the container was removed. */
export type Denial = 'unknown' | 'removed';

export interface RunEnd {
  readonly exitCode?: number | undefined;
  /** µs since the epoch; 0: unknown */
  readonly time: number;
}

/** What is known of an engine's containers: events and lists lead to questions about what changed. */
export abstract class EngineKnowledge<Client extends object, Options extends EngineOptions = EngineOptions> {
  protected readonly table = new ContainerTable();
  protected readonly failures: InspectFailures;
  protected readonly once: OnceLogger;
  /** The connection to ask, while there is one. */
  protected client: Client | undefined;
  private readonly denied = new Map<string, Denial>();
  /** Ids that are being asked about, with whether they were denied before. */
  private readonly asking = new Map<string, boolean>();
  /** Ends of runs that a pending or first answer may not contain. */
  private readonly ends = new Map<string, RunEnd>();
  /** Questions about single ids; one that is added is begun afterwards. */
  protected readonly queue: RefreshQueue;
  private failureReport: 'none' | 'waiting' | 'sent' = 'none';

  /** @param changed called when a description changed, and when the engine answered about an id */
  constructor(
    protected readonly context: PluginContext,
    protected readonly options: Options,
    protected readonly changed: (id: string) => void,
    parallelCalls = 4,
  ) {
    this.failures = new InspectFailures(options.timeout);
    this.once = new OnceLogger(context.logger);
    this.queue = new RefreshQueue(parallelCalls, (id) => this.run(id));
  }

  get size(): number {
    return this.table.size;
  }

  /** A connection was made. What was refused on an earlier one is asked again. */
  connected(client: Client): void {
    this.client = client;
    this.denied.clear();
    this.failures.clear();
    this.failureReport = 'none';
  }

  /** The connection is lost; what is known stays. */
  disconnected(): void {
    this.client = undefined;
    this.queue.clear();
  }

  find(id: string, stale: boolean): Described | undefined {
    return this.table.find(id, stale);
  }

  /** Why the engine has no such container; `undefined` when it has one or was not asked. */
  denial(id: string): Denial | undefined {
    return this.denied.get(id);
  }

  /** Asks about an id unless that failed recently; `changed` follows the answer. */
  ask(id: string): void {
    if (this.client !== undefined && !this.isPaused(id)) void this.queue.add(id);
  }

  /** Containers that ended within `tombstoneFor`, oldest first. */
  departed(): readonly KnownEnd[] {
    this.forgetDeparted();
    return this.table.departed();
  }

  /**
   * Compares all that the engine has with what is known, and asks about what changed.
   * @param everything also asks about what looks unchanged: events may have been missed
   * @returns settles when the lists were answered; `asked` when the names wait for nothing more
   * @throws EngineError when the engine does not answer
   */
  abstract resync(client: Client, everything: boolean): Promise<{ readonly asked: Promise<unknown> }>;

  /** Asks about one id. */
  protected abstract refresh(client: Client, id: string): Promise<void>;

  /** Asks about a container after an event. @returns settles after the answer was processed */
  protected changedAtEngine(id: string): Promise<void> {
    this.denied.delete(id);
    return this.queue.add(id);
  }

  protected isAsking(id: string): boolean {
    return this.asking.has(id);
  }

  protected isPaused(id: string): boolean {
    return this.failures.state(id, this.context.clock.monotonic()) === 'paused';
  }

  /** @param isNews whether to call `changed` also when the description is the same */
  protected learn(id: string, described: Described, isNews = false): void {
    warnOfLabels(described, described.description.aliases[0] ?? id, this.once);
    const isNew = this.denied.delete(id) || this.table.find(id, false) === undefined;
    const isChanged = this.table.update(id, described);
    const end = this.ends.get(id);
    this.ends.delete(id);
    const hasEnded = end !== undefined && this.table.ended(id, end);
    if (isChanged || hasEnded || isNew || isNews) this.changed(id);
  }

  /** Processes an answer of `refresh`. After a removal in the meantime only the end is kept. */
  protected takeAnswer(id: string, learn: () => void): void {
    const wasRemoved = this.asking.get(id) === false && this.denied.get(id) === 'removed';
    if (!wasRemoved) learn();
    else if (this.ends.has(id)) {
      learn();
      this.forget(id);
      this.deny(id, 'removed');
    }
  }

  protected runStarted(id: string): void {
    this.ends.delete(id);
    this.table.started(id);
  }

  /** A run of it ended. A pending answer may be older, and the next may not contain the end. */
  protected runEnded(id: string, end: RunEnd): void {
    if (this.asking.has(id) || !this.table.has(id)) remember(this.ends, id, end);
    if (this.table.ended(id, end)) this.changed(id);
  }

  /** The kernel killed one of its processes for lack of memory. Engines may say so after they said that its run ended. */
  protected ranOutOfMemory(id: string): void {
    if (this.table.outOfMemory(id)) this.changed(id);
  }

  /** The engine has removed it. `changed` is called because its cgroup may be gone already, or stay. */
  protected removed(id: string): void {
    if (this.forget(id)) this.changed(id);
    this.deny(id, 'removed');
  }

  /** Forgets the container except its end. @returns true when that changes its end */
  protected forget(id: string): boolean {
    this.succeeded(id);
    if (!this.asking.has(id)) this.ends.delete(id);
    return this.table.remove(id);
  }

  protected deny(id: string, denial: Denial): void {
    remember(this.denied, id, denial);
  }

  /** Takes in that the engine's lists have these containers only. @param mark `table.mark` from before they were asked for */
  protected retain(present: ReadonlySet<string>, mark: number): void {
    for (const id of this.table.forgetMissing(present, mark)) this.drop(id);
    this.forgetDeparted();
  }

  /** The engine no longer has it; its end is remembered. */
  protected drop(id: string): void {
    this.forget(id);
    this.changed(id);
  }

  private forgetDeparted(): void {
    this.table.forgetDeparted(this.context.clock.now() - this.options.tombstoneFor * 1000);
  }

  /** Calls the engine about an id, and counts failures. */
  protected async attempt(id: string, client: Client, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (client !== this.client) return;
      if (error instanceof EngineError && error.isNotFound) this.notFound(id);
      else this.failed(id, error, client);
    }
  }

  /** The engine does not know the id. For a known one, an event or the next list gives its end. */
  protected notFound(id: string): void {
    if (this.table.has(id)) return;
    this.forget(id);
    this.deny(id, 'unknown');
    this.changed(id);
  }

  /** The question about the id failed. */
  protected failed(id: string, error: unknown, client: Client): void {
    this.failures.add(id, this.context.clock.monotonic());
    if (this.failureReport !== 'none') return;
    this.failureReport = 'waiting';
    this.context.timers.after(FAILURE_REPORT_DELAY_MS, () => {
      if (client !== this.client) return;
      this.failureReport = this.failures.size === 0 ? 'none' : 'sent';
      if (this.failures.size === 0) return;
      const consequence = 'it keeps what is known of it, and is asked about again after growing pauses';
      this.context.logger.warn(`${messageOf(error)}; ${consequence}; others that fail alike are not listed`, { id });
    });
  }

  private succeeded(id: string): void {
    if (!this.failures.delete(id) || this.failureReport !== 'sent') return;
    this.failureReport = 'none';
    this.context.logger.info('the engine answers about all containers again');
  }

  private async run(id: string): Promise<void> {
    const { client } = this;
    if (client === undefined) return;
    this.asking.set(id, this.denied.has(id));
    await this.attempt(id, client, async () => {
      await this.refresh(client, id);
      if (client === this.client) this.succeeded(id);
    });
    this.asking.delete(id);
    if (this.denied.has(id)) this.ends.delete(id);
  }
}

function remember<T>(map: Map<string, T>, id: string, value: T): void {
  if (map.size >= MAX_REMEMBERED) map.delete(map.keys().next().value!);
  map.set(id, value);
}
