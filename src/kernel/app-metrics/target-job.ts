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

const MIN_INTERVAL_MS = 1_000;
const MAX_INTERVAL_MS = 2 ** 31 - 1;
const MAX_COLLECTION_MS = 5_000;
const MAX_STARTUP_MS = 60_000;
const MAX_PROBLEMS = 20;
/** Reasons that are logged of failures in a row: the first is often that the container is still being set up. */
const MAX_LOGGED_REASONS = 3;

export type AppPlugin = ActivePlugin<'app-metrics'>;

/** The targets of one container, which share its limits. */
export interface TargetGroup {
  /** Factor by which intervals are lengthened because the targets send too many bytes, at least 1; logged once. */
  readonly slowdown: number;
  /** What the other targets leave of the container's limits and shares. */
  budget(job: TargetJob): Budget;
  /** Logs a warning about the container, once per topic. */
  warnOnce(topic: string, message: string): void;
  /** Whether this target exceeds the container's share of all targets; logged once. */
  isBeyondShare(job: TargetJob): boolean;
  /** Runs a collection within the limit of concurrent ones. */
  inTurn(collect: () => Promise<void>): Promise<void>;
}

/** What a job needs of its container and of the agent. */
export interface JobContext {
  readonly container: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly supervisor: Supervisor;
  readonly historyDurationUs: number;
  access(target: AppTarget, signal: AbortSignal, now: number): ContainerAccess;
  /** All targets of the container. */
  readonly metrics: TargetGroup;
  /** Called after each collection. */
  collected(): void;
}

/** Collects from one target at its interval. */
export class TargetJob {
  readonly history: TargetHistory;
  private hasEnded = false;
  private abort: AbortController | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** When the next collection is due, monotonic ms. */
  private due = 0;
  private collections = 0;
  private failures = 0;
  private missed = 0;
  private error: string | undefined;
  private streak = 0;
  private loggedReasons = 0;
  private readonly recentWarnings = new RecentMessages();
  private problems: readonly string[] = [];
  private dropped = 0;
  private lastSuccessAt: number | undefined;
  private duration = 0;
  private interval: number;
  /** The interval that the plugin wants, in ms. */
  wantedInterval = MIN_INTERVAL_MS;
  /** Bytes received by the last collection. */
  received = 0;

  constructor(
    readonly plugin: AppPlugin,
    readonly target: AppTarget,
    private readonly context: JobContext,
  ) {
    this.history = new TargetHistory(context.historyDurationUs);
    this.interval = this.findInterval();
  }

  /** Starts collecting. @param delayMs time until the first collection */
  start(delayMs: number): void {
    this.due = this.context.clock.monotonic() + delayMs;
    this.schedule();
  }

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

  /** Called once per collection, so that a plugin cannot change the interval while its time limit is running. */
  private findInterval(): number {
    const { record, instance } = this.plugin;
    const { intervalOf } = instance;
    const found =
      intervalOf && this.context.supervisor.guard(record, 'intervalOf', () => intervalOf.call(instance, this.target));
    const interval = found ?? this.target.interval;
    this.wantedInterval = Number.isFinite(interval) ? Math.max(interval, MIN_INTERVAL_MS) : MAX_COLLECTION_MS;
    return Math.min(this.wantedInterval * this.context.metrics.slowdown, MAX_INTERVAL_MS);
  }

  private schedule(): void {
    if (this.hasEnded) return;
    const delay = this.due - this.context.clock.monotonic();
    this.timer = setTimeout(() => void this.run(), Math.max(0, delay));
  }

  private async run(): Promise<void> {
    const { clock } = this.context;
    const started = clock.monotonic();
    const isFirst = this.collections === 0;
    const isOmitted = this.context.metrics.isBeyondShare(this);
    if (this.plugin.record.isOpen(started)) this.failed(new CollectionError('its plugin is paused after faults'));
    else if (isOmitted) this.omit();
    else await this.context.metrics.inTurn(() => this.collect());
    this.duration = clock.monotonic() - started;
    this.interval = isOmitted ? this.wantedInterval : this.findInterval();
    // A random phase after the first collection, so that targets found together are not collected together forever.
    this.due += isFirst ? this.interval * (0.2 + 0.8 * Math.random()) : this.interval;
    const behind = Math.ceil((clock.monotonic() - this.due) / this.interval);
    if (behind > 0) {
      this.missed += behind;
      this.due += behind * this.interval;
    }
    this.schedule();
  }

  /** Marks the target as omitted; the warning is logged once for the container. */
  private omit(): void {
    this.history.markStale(this.context.clock.now());
    this.error = 'not collected: there are too many targets (appMetrics.maxTotalTargets)';
  }

  /** Settles only when the plugin has finished, even after its time limit, so that collections of a target never overlap. */
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
      if (!signal.aborted) this.succeeded(outcome, now);
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
    const most = Math.min(MAX_COLLECTION_MS, this.interval * 0.9);
    const { timeLimit = most } = this.target;
    return timeLimit > 0 ? Math.min(timeLimit, most) : most;
  }

  /** A failure of a target is not a fault of the plugin, which may have other targets. */
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

  private succeeded(outcome: CollectedMetrics | CollectionError, now: number): void {
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
    if (duplicates > 0) problems.push(`duplicate series dropped: ${duplicates}`);
    this.report(problems);
    if (this.dropped === 0) return;
    const text = this.droppedText();
    this.problems = [...problems, text];
    // The limits apply to the container, so the warning is logged once for all its targets.
    this.context.metrics.warnOnce(
      'dropped',
      `has more than is kept of its metrics; target "${this.target.name}": ${text}`,
    );
  }

  private droppedText(): string {
    const { metrics, series, bytes } = this.context.metrics.budget(this);
    return `samples dropped: ${this.dropped}; of the limits of the container this target could use ${metrics} metrics (appMetrics.maxMetrics), ${series} series (maxSeries) and ${Math.floor(bytes)} bytes (maxMemory)`;
  }

  private failed(error: unknown): void {
    this.collections++;
    this.failures++;
    this.problems = [];
    this.dropped = 0;
    this.history.markStale(this.context.clock.now());
    this.error = messageOf(error);
    this.streak++;
    // A fault of the plugin is logged by its supervisor.
    if (!isCollectionError(error) || this.isStarting() || this.loggedReasons === MAX_LOGGED_REASONS) return;
    if (this.warnIfNew(` fails: ${this.error}`)) this.loggedReasons++;
  }

  /** The first failure of a new container is not logged, because its application may still be starting. */
  private isStarting(): boolean {
    return this.lastSuccessAt === undefined && this.streak < 2 && this.interval < MAX_STARTUP_MS;
  }

  /** Logs recovery and new problems. */
  private report(problems: readonly string[]): void {
    if (this.loggedReasons > 0) this.context.logger.info(`${this.what} works again`, this.about);
    this.loggedReasons = 0;
    this.error = undefined;
    this.streak = 0;
    for (const problem of problems) this.warnIfNew(`: ${problem}`);
    this.problems = problems;
  }

  private warnIfNew(message: string): boolean {
    const isNew = this.recentWarnings.isNew(message, this.context.clock.monotonic());
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

/** An invalid result is a fault of the plugin, not of the target. */
function checked(outcome: CollectedMetrics): CollectedMetrics {
  if (!Array.isArray(outcome?.samples) || !Array.isArray(outcome.specs)) {
    throw new TypeError('collect did not return { specs, samples }');
  }
  return outcome;
}
