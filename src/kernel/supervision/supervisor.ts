import { AsyncLocalStorage } from 'node:async_hooks';
import { type Clock, isRequestError, type Logger, messageOf, type PluginStatus } from '../contracts/index.js';
import { RecentMessages } from '../log/index.js';
import { CallBoard } from './call-board.js';
import type { PluginRecord } from './record.js';
import { RunQueue } from './run-queue.js';

/** A call that takes this long keeps everything else waiting for noticeably long, ms. */
export const HOLD_UP = 500;

/**
 * Calls into plugins. Every call is caught, counted and timed; what escapes a call (a rejected promise, a throwing
 * callback) is attributed to the plugin it came from.
 */
export class Supervisor {
  /** Shows whose call runs. */
  readonly board = new CallBoard();
  private readonly running = new AsyncLocalStorage<PluginRecord>();
  private added = 0;
  private readonly records = new Map<string, PluginRecord>();
  /** Milliseconds of all calls that took as long as `HOLD_UP`. */
  heldFor = 0;
  private readonly told = new RecentMessages();

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

  /** Runs `call` as the plugin's; a throw becomes a fault and `undefined`. */
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
   * The same for calls whose failure the caller must see (start, a request): the error is counted and thrown on.
   * @param opens false: its faults do not open the circuit breaker, as it is made again whatever came of it
   */
  async attempt<T>(record: PluginRecord, what: string, call: () => T | Promise<T>, opens = true): Promise<T> {
    const result = await this.call(record, what, call, opens);
    record.succeeded(this.clock.now());
    return result;
  }

  /**
   * The same for a call that is made as it is, synchronous or not: faults are counted and thrown on. Answers to a
   * request other than 200 are no faults.
   */
  call<T>(record: PluginRecord, what: string, call: () => T, opens = true): T {
    const failed = (error: unknown): never => {
      if (!isRequestError(error)) this.fault(record, what, error, opens);
      throw error;
    };
    try {
      const result = this.timed(record, what, call);
      if (result instanceof Promise) return result.catch(failed) as T;
      record.succeeded(this.clock.now());
      return result;
    } catch (error) {
      return failed(error);
    }
  }

  /** The same by id. A plugin that is gone is called all the same: a request may outlive it. */
  callOf<T>(id: string, what: string, call: () => T): T {
    const record = this.get(id);
    return record === undefined ? call() : this.call(record, what, call);
  }

  /** Counts and logs a fault of the plugin with this id, unless it is gone. */
  faultOf(id: string, what: string, error: unknown): void {
    const record = this.get(id);
    if (record !== undefined) this.fault(record, what, error);
  }

  /** Counts and logs a fault, once per kind of fault and ten minutes. */
  fault(record: PluginRecord, what: string, error: unknown, opens = true): void {
    const text = `${what}: ${messageOf(error)}`;
    const monotonic = this.clock.monotonic();
    const opened = record.failed(text, this.clock.now(), monotonic, opens);
    if (opened) {
      this.logger.error(
        `plugin ${record.id} fails again and again and is paused; it is tried again with growing pauses`,
        {
          plugin: record.id,
          error: text,
        },
      );
    }
    if (!record.told.isNew(text, monotonic)) return;
    const stack = error instanceof Error ? error.stack : undefined;
    this.logger.error(`plugin ${record.id} failed in ${text}`, {
      plugin: record.id,
      ...(stack !== undefined && { stack }),
    });
  }

  /** Runs `call` so that what it starts (timers, promises) is known to be the plugin's. */
  runAs<T>(record: PluginRecord, call: () => T): T {
    const before = this.board.enter(record.number);
    try {
      return this.running.run(record, call);
    } finally {
      this.board.leave(before);
    }
  }

  /** The plugin whose call runs, or began what runs. */
  current(): PluginRecord | undefined {
    return this.running.getStore();
  }

  /**
   * The plugin an uncaught error came from: the one running, else the one whose module is in the stack.
   * @returns undefined when no plugin is to blame
   */
  culprit(error: unknown): PluginRecord | undefined {
    const current = this.current();
    if (current !== undefined) return current;
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    return this.all().find(({ module }) => module.startsWith('file:') && stack.includes(module));
  }

  /**
   * Judges how long a call took: the plugin that keeps everything else waiting is named, or the host, when it gave the
   * call no CPU.
   * @param elapsed ms of the call, until it returned control
   */
  took(record: PluginRecord, what: string, elapsed: number): void {
    if (elapsed >= HOLD_UP) this.heldUp(record, what, elapsed);
    this.runQueue.mark(this.clock.monotonic());
  }

  private heldUp(record: PluginRecord, what: string, elapsed: number): void {
    this.heldFor += elapsed;
    const waited = Math.min(elapsed, this.runQueue.waited());
    const ms = elapsed - waited;
    if (ms < HOLD_UP) {
      this.starved(elapsed, waited);
      return;
    }
    record.held(what, ms, this.clock.now());
    const text = `plugin ${record.id} kept everything else waiting for ${Math.round(ms)} ms, in ${what}`;
    if (!record.told.isNew(text, this.clock.monotonic())) return;
    this.logger.warn(text, {
      plugin: record.id,
      hint: 'let it do long work in pieces with pauses between them, or elsewhere; app-metrics plugins can be isolated (isolate: true)',
    });
  }

  private starved(elapsed: number, waited: number): void {
    const text = `the host gave the agent no CPU for ${Math.round(waited)} of ${Math.round(elapsed)} ms`;
    if (!this.told.isNew(text, this.clock.monotonic())) return;
    this.logger.warn(text, { hint: 'is the host overloaded, or the agent out of its CPU quota (CPUQuota=, cpu.max)?' });
  }

  /** Who kept everything else waiting last, in words; `undefined`: nobody ever did. */
  lastHoldUp(): string | undefined {
    const all = this.all().filter(({ blocked }) => blocked !== undefined);
    const [record] = all.sort((a, b) => b.blocked!.last.at - a.blocked!.last.at);
    if (record === undefined) return undefined;
    const { what, at, ms } = record.blocked!.last;
    return `plugin ${record.id} kept everything waiting for ${Math.round(ms)} ms in ${what} until ${new Date(at / 1000).toISOString()}`;
  }

  private timed<T>(record: PluginRecord, what: string, call: () => T): T {
    const started = this.clock.monotonic();
    try {
      return this.runAs(record, call);
    } finally {
      const ms = this.clock.monotonic() - started;
      record.calls++;
      record.busyMs += ms;
      this.took(record, what, ms);
    }
  }
}
