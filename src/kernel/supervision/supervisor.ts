import { AsyncLocalStorage } from 'node:async_hooks';
import { Token } from '../composition/index.js';
import { type Clock, isRequestError, type Logger, messageOf, type PluginStatus } from '../contracts/index.js';
import { RecentMessages } from '../log/index.js';
import { CallBoard } from './call-board.js';
import type { PluginRecord } from './record.js';
import { RunQueue } from './run-queue.js';

/** A call of this duration counts as blocking the agent, ms. */
export const BLOCKING_THRESHOLD_MS = 500;

export const SUPERVISOR = new Token<Supervisor>('supervisor');

/**
 * Calls into plugins. Every call is caught, counted and timed; what escapes a call (a rejected promise, a throwing
 * callback) is attributed to the plugin it came from.
 */
export class Supervisor {
  /** The call that runs, for the watchdog. */
  readonly board = new CallBoard();
  private readonly running = new AsyncLocalStorage<PluginRecord>();
  private added = 0;
  private readonly records = new Map<string, PluginRecord>();
  /** Total time of all blocking calls. ms */
  blockedMs = 0;
  private readonly recentMessages = new RecentMessages();

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly runQueue = new RunQueue(),
  ) {}

  add(record: PluginRecord): void {
    this.records.set(record.id, record);
    if (record.number === 0) record.number = ++this.added;
  }

  /** Forgets a record, unless another has taken its id. */
  remove(record: PluginRecord): void {
    if (this.records.get(record.id) === record) this.records.delete(record.id);
  }

  get(id: string): PluginRecord | undefined {
    return this.records.get(id);
  }

  all(): readonly PluginRecord[] {
    return [...this.records.values()];
  }

  statuses(): readonly PluginStatus[] {
    return this.all().map((record) => record.status());
  }

  /** Calls into the plugin. A thrown error is recorded as a fault, and the result is `undefined`. */
  guard<T>(record: PluginRecord, what: string, call: () => T): T | undefined {
    if (record.isOpen(this.clock.monotonic())) return undefined;
    try {
      const result = this.timed(record, what, call);
      record.succeeded(this.clock.now());
      return result;
    } catch (error) {
      this.fault(record, what, error);
      return undefined;
    }
  }

  /**
   * The same for calls whose failure the caller must see (start, a request): the fault is recorded and rethrown.
   * @param opens false for calls that are repeated anyway: their faults do not open the circuit breaker
   */
  attempt<T>(record: PluginRecord, what: string, call: () => T | Promise<T>, opens = true): Promise<T> {
    return this.call(record, what, async () => call(), opens);
  }

  /**
   * The same for a call that may be synchronous or not. Faults are recorded and rethrown; a `RequestError` is an answer, not a
   * fault.
   */
  call<T>(record: PluginRecord, what: string, call: () => T, opens = true): T {
    const succeeded = (value: Awaited<T>) => {
      record.succeeded(this.clock.now());
      return value;
    };
    const failed = (error: unknown): never => {
      if (!isRequestError(error)) this.fault(record, what, error, opens);
      throw error;
    };
    try {
      const result = this.timed(record, what, call);
      return result instanceof Promise ? (result.then(succeeded, failed) as T) : (succeeded(result as Awaited<T>) as T);
    } catch (error) {
      return failed(error);
    }
  }

  /** The same by ID. Also calls a plugin that was removed, because a request may outlive it. */
  callOf<T>(id: string, what: string, call: () => T): T {
    const record = this.get(id);
    return record === undefined ? call() : this.call(record, what, call);
  }

  /** Records a fault of the plugin with this ID, unless it was removed. */
  faultOf(id: string, what: string, error: unknown): void {
    const record = this.get(id);
    if (record !== undefined) this.fault(record, what, error);
  }

  /** Records a fault. The same fault is logged once in ten minutes. */
  fault(record: PluginRecord, what: string, error: unknown, opens = true): void {
    const text = `${what}: ${messageOf(error)}`;
    const monotonic = this.clock.monotonic();
    const opened = record.failed(text, this.clock.now(), monotonic, opens);
    if (opened) {
      this.logger.error(`plugin ${record.id} keeps failing and is paused; it is retried with increasing delays`, {
        plugin: record.id,
        error: text,
      });
    }
    if (!record.recentMessages.isNew(text, monotonic)) return;
    const stack = error instanceof Error ? error.stack : undefined;
    this.logger.error(`plugin ${record.id} failed in ${text}`, {
      plugin: record.id,
      ...(stack !== undefined && { stack }),
    });
  }

  /** Runs `call` so that what it starts (timers, promises) is attributed to the plugin. */
  runAs<T>(record: PluginRecord, call: () => T): T {
    const before = this.board.enter(record.number);
    try {
      return this.running.run(record, call);
    } finally {
      this.board.leave(before);
    }
  }

  /** The plugin whose call, timer or promise is running. */
  current(): PluginRecord | undefined {
    return this.running.getStore();
  }

  /**
   * The plugin that an uncaught error came from: the one running, else the one whose module is in the stack.
   * @returns undefined when it came from no plugin
   */
  originOf(error: unknown): PluginRecord | undefined {
    const current = this.current();
    if (current !== undefined) return current;
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    return this.all().find(({ module }) => module.startsWith('file:') && stack.includes(module));
  }

  /**
   * Logs a call that blocked the agent for too long: the plugin is named, or the host when it gave the call no CPU.
   * @param elapsed time until the call returned control, ms
   */
  checkDuration(record: PluginRecord, what: string, elapsed: number): void {
    if (elapsed >= BLOCKING_THRESHOLD_MS) this.reportBlocking(record, what, elapsed);
    this.runQueue.mark(this.clock.monotonic());
  }

  private reportBlocking(record: PluginRecord, what: string, elapsed: number): void {
    this.blockedMs += elapsed;
    const waited = Math.min(elapsed, this.runQueue.waitedMs());
    const ms = elapsed - waited;
    if (ms < BLOCKING_THRESHOLD_MS) {
      this.reportStarvation(elapsed, waited);
      return;
    }
    record.recordBlocking(what, ms, this.clock.now());
    const text = `plugin ${record.id} blocked the agent for ${Math.round(ms)} ms in ${what}`;
    if (!record.recentMessages.isNew(text, this.clock.monotonic())) return;
    this.logger.warn(text, {
      plugin: record.id,
      hint: 'it should split long work and yield in between, or use a thread; app-metrics plugins can be isolated (isolate: true)',
    });
  }

  private reportStarvation(elapsed: number, waited: number): void {
    const text = `the host gave the agent no CPU for ${Math.round(waited)} of ${Math.round(elapsed)} ms`;
    if (!this.recentMessages.isNew(text, this.clock.monotonic())) return;
    this.logger.warn(text, { hint: 'is the host overloaded, or the agent out of its CPU quota (CPUQuota=, cpu.max)?' });
  }

  /** Which plugin blocked the agent last, in words; `undefined`: none did. */
  lastBlocking(): string | undefined {
    const all = this.all().filter(({ blocked }) => blocked !== undefined);
    const [record] = all.sort((a, b) => b.blocked!.last.at - a.blocked!.last.at);
    if (record === undefined) return undefined;
    const { what, at, ms } = record.blocked!.last;
    return `plugin ${record.id} blocked the agent for ${Math.round(ms)} ms in ${what} until ${new Date(at / 1000).toISOString()}`;
  }

  /** Makes a call of the plugin and measures it. The caller records what it throws. */
  timed<T>(record: PluginRecord, what: string, call: () => T): T {
    const started = this.clock.monotonic();
    try {
      return this.runAs(record, call);
    } finally {
      const ms = this.clock.monotonic() - started;
      record.calls++;
      record.busyMs += ms;
      this.checkDuration(record, what, ms);
    }
  }
}
