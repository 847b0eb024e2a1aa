import {
  type AppTarget,
  type AppTargetStatus,
  type Clock,
  type CollectedMetrics,
  CollectionError,
  isCollectionError,
  type Logger,
  messageOf,
} from '../contracts/index.js';
import { RecentMessages } from '../log/index.js';
import type { ActivePlugin, Supervisor } from '../supervision/index.js';
import type { ContainerAccess } from './access.js';
import type { Budget } from './series.js';
import { TargetHistory } from './target-history.js';

const SHORTEST_INTERVAL = 1_000;
const LONGEST_INTERVAL = 2 ** 31 - 1;
const LONGEST_COLLECTION = 5_000;
const LONGEST_START = 60_000;
const MAX_PROBLEMS = 20;

export type AppPlugin = ActivePlugin<'app-metrics'>;

/** The targets of one container, which share what it may have. */
export interface Neighbours {
  /** By how much targets are asked less often than they want; at least 1. */
  readonly stretch: number;
  /** What the others leave of the container's limits. */
  budget(job: TargetJob): Budget;
  /** Warns of something about the container, once in its life. @param about tells one thing from others */
  tell(about: string, message: string): void;
  /** Whether the container has too many targets for this one to be asked. */
  isBeyondShare(job: TargetJob): boolean;
  /** Runs a collection when it is its turn. */
  inTurn(collect: () => Promise<void>): Promise<void>;
}

/** What a job needs of the container it belongs to, and of the agent. */
export interface JobContext {
  readonly container: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly supervisor: Supervisor;
  readonly historyDurationUs: number;
  access(target: AppTarget, signal: AbortSignal, now: number): ContainerAccess;
  /** The other targets of the container, and what they leave of its limits. */
  readonly metrics: Neighbours;
  /** A collection is over. */
  collected(): void;
}

/** Collects from one target, again and again. */
export class TargetJob {
  readonly history: TargetHistory;
  private hasEnded = false;
  /** Ends the collection under way. */
  private abort: AbortController | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Monotonic ms of the slot that the next collection belongs to. */
  private due = 0;
  private collections = 0;
  private failures = 0;
  private missed = 0;
  private error: string | undefined;
  /** Failures since the last success. */
  private streak = 0;
  private failureTold = false;
  private readonly told = new RecentMessages();
  private problems: readonly string[] = [];
  private dropped = 0;
  private lastSuccessAt: number | undefined;
  private duration = 0;
  private interval: number;
  /** ms, as the plugin wants it. */
  wantedInterval = SHORTEST_INTERVAL;
  /** Bytes of the answers of the last collection. */
  received = 0;

  constructor(
    readonly plugin: AppPlugin,
    readonly target: AppTarget,
    private readonly context: JobContext,
  ) {
    this.history = new TargetHistory(context.historyDurationUs);
    this.interval = this.findInterval();
  }

  /** Begins to collect. @param delay ms until the first collection */
  start(delay: number): void {
    this.due = this.context.clock.monotonic() + delay;
    this.wait();
  }

  /** Ends also a collection under way. */
  stop(): void {
    clearTimeout(this.timer);
    this.hasEnded = true;
    this.abort?.abort(new CollectionError('the container or the plugin ended'));
  }

  status(): AppTargetStatus {
    const { collections, failures, missed, problems, dropped, duration } = this;
    return {
      plugin: this.plugin.record.id,
      name: this.target.name,
      interval: this.interval,
      up: collections > 0 && this.error === undefined,
      collections,
      failures,
      missed,
      problems,
      dropped,
      duration,
      ...(this.error !== undefined && { error: this.error }),
      ...(this.lastSuccessAt !== undefined && { lastSuccessAt: this.lastSuccessAt }),
    };
  }

  /** Asked once per collection: a plugin must not change it while the time limit is running. */
  private findInterval(): number {
    const { record, instance } = this.plugin;
    const { intervalOf } = instance;
    const found =
      intervalOf && this.context.supervisor.guard(record, 'intervalOf', () => intervalOf.call(instance, this.target));
    const interval = found ?? this.target.interval;
    this.wantedInterval = Number.isFinite(interval) ? Math.max(interval, SHORTEST_INTERVAL) : LONGEST_COLLECTION;
    return Math.min(this.wantedInterval * this.context.metrics.stretch, LONGEST_INTERVAL);
  }

  private wait(): void {
    if (this.hasEnded) return;
    const pause = this.due - this.context.clock.monotonic();
    this.timer = setTimeout(() => void this.run(), Math.max(0, pause));
  }

  private async run(): Promise<void> {
    const { clock } = this.context;
    const started = clock.monotonic();
    const isFirst = this.collections === 0;
    const isLeftOut = this.context.metrics.isBeyondShare(this);
    if (this.plugin.record.isOpen(started)) this.failed(new CollectionError('its plugin is paused after faults'));
    else if (isLeftOut) this.leaveOut();
    else await this.context.metrics.inTurn(() => this.collect());
    this.duration = clock.monotonic() - started;
    this.interval = isLeftOut ? this.wantedInterval : this.findInterval();
    // After the first collection a phase of its own: targets found together are not to be asked together for ever.
    this.due += isFirst ? this.interval * (0.2 + 0.8 * Math.random()) : this.interval;
    const behind = Math.ceil((clock.monotonic() - this.due) / this.interval);
    if (behind > 0) {
      this.missed += behind;
      this.due += behind * this.interval;
    }
    this.wait();
  }

  /** The container tells why; its targets need not each. */
  private leaveOut(): void {
    this.history.lapse(this.context.clock.now());
    this.error = 'left out: there are too many targets (appMetrics.maxTotalTargets)';
  }

  /** Settles when the plugin is done with the target, however late: collections of a target never overlap. */
  private async collect(): Promise<void> {
    if (this.hasEnded) return;
    const limit = this.timeLimit();
    const abort = new AbortController();
    const { signal } = abort;
    this.abort = abort;
    const stopTimer = setTimeout(() => {
      if (signal.aborted) return;
      const error = new CollectionError(`it did not give its metrics within ${limit} ms`);
      abort.abort(error);
      this.failed(error);
    }, limit);
    const now = this.context.clock.now();
    const access = this.context.access(this.target, signal, now);
    try {
      const outcome = await this.ask(access);
      if (!signal.aborted) this.took(outcome, now);
    } catch (error) {
      if (!signal.aborted) this.failed(error);
    } finally {
      clearTimeout(stopTimer);
      access.close();
      this.received = access.received;
      this.context.collected();
    }
  }

  private timeLimit(): number {
    const most = Math.min(LONGEST_COLLECTION, this.interval * 0.9);
    const { timeLimit = most } = this.target;
    return timeLimit > 0 ? Math.min(timeLimit, most) : most;
  }

  /** A target's fault is no fault of the plugin, which has other targets to collect from. */
  private async ask(access: ContainerAccess): Promise<CollectedMetrics | CollectionError> {
    const { plugin, target } = this;
    return this.context.supervisor.attempt(plugin.record, 'collect', async () => {
      try {
        return checked(await plugin.instance.collect(target, access));
      } catch (error) {
        if (isCollectionError(error) || access.signal.aborted) return error as CollectionError;
        throw error;
      }
    });
  }

  private took(outcome: CollectedMetrics | CollectionError, now: number): void {
    if (outcome instanceof Error) {
      this.failed(outcome);
      return;
    }
    this.history.add(outcome, now, this.context.metrics.budget(this));
    this.collections++;
    this.lastSuccessAt = now;
    const { dropped, duplicates } = this.history.arrangement!;
    this.dropped = dropped + (outcome.dropped ?? 0);
    const problems = outcome.problems?.slice(0, MAX_PROBLEMS) ?? [];
    if (duplicates > 0) problems.push(`series that are given more than once were left out: ${duplicates}`);
    this.tell(problems);
    if (this.dropped === 0) return;
    const text = this.droppedText();
    this.problems = [...problems, text];
    // The limits are the container's: one of its targets speaks for all.
    this.context.metrics.tell('dropped', `has more than is kept of its metrics; target "${this.target.name}": ${text}`);
  }

  private droppedText(): string {
    const { metrics, series, bytes } = this.context.metrics.budget(this);
    return `samples left out: ${this.dropped}; a container may have so many metrics (appMetrics.maxMetrics), series (maxSeries) and bytes (maxMemory), of which this target had left ${metrics}, ${series} and ${Math.floor(bytes)}`;
  }

  private failed(error: unknown): void {
    this.collections++;
    this.failures++;
    this.problems = [];
    this.dropped = 0;
    this.history.lapse(this.context.clock.now());
    this.error = messageOf(error);
    this.streak++;
    // A fault of the plugin is logged by its supervisor.
    if (!isCollectionError(error) || this.isStarting() || this.failureTold) return;
    this.failureTold = this.say(` fails: ${this.error}`);
  }

  /** A container that was just started needs not answer at once: that would be said of every one. */
  private isStarting(): boolean {
    return this.lastSuccessAt === undefined && this.streak < 2 && this.interval < LONGEST_START;
  }

  /** Says what is new: once that it is well again, once each lack. */
  private tell(problems: readonly string[]): void {
    if (this.failureTold) this.context.logger.info(`${this.what} works again`, this.about);
    this.failureTold = false;
    this.error = undefined;
    this.streak = 0;
    for (const problem of problems) this.say(`: ${problem}`);
    this.problems = problems;
  }

  private say(message: string): boolean {
    const isNew = this.told.isNew(message, this.context.clock.monotonic());
    if (isNew) this.context.logger.warn(`${this.what}${message}`, this.about);
    return isNew;
  }

  private get what(): string {
    return `collecting metrics "${this.target.name}" from ${this.context.container}`;
  }

  private get about(): Record<string, unknown> {
    return { container: this.context.container, plugin: this.plugin.record.id, target: this.target.name };
  }
}

/** A stranger's answer of the wrong shape is the plugin's fault, not the target's. */
function checked(outcome: CollectedMetrics): CollectedMetrics {
  if (!Array.isArray(outcome?.samples) || !Array.isArray(outcome.specs)) {
    throw new TypeError('collect did not give { specs, samples }');
  }
  return outcome;
}
