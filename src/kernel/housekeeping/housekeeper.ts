import type { Container, ContainerObserver, ContainerStore, DiscoveryRequests } from '../containers/index.js';
import { type Clock, type ContainerDescription, type Logger, messageOf, Slices } from '../contracts/index.js';
import { LayoutTable } from '../history/index.js';
import { RecentMessages } from '../log/index.js';
import type { Supervisor } from '../supervision/index.js';
import { Attachment, needsNewProbes } from './attachment.js';
import { DueQueue, nextStep } from './due-queue.js';
import { FirstSamples } from './first-samples.js';
import { MonitoredContainer, SAMPLING, type SourcePlugin } from './monitored-container.js';
import { Phases } from './phases.js';
import { Sampler } from './sampler.js';

/** The `housekeeping` and `history` parts of the config, durations in ms. */
export interface HousekeepingOptions {
  readonly interval: number;
  readonly maxInterval: number;
  readonly dynamic: boolean;
  /** Fraction of the interval, 0 … 1, by which a sample may be delayed at random. */
  readonly jitter: number;
  readonly idleRefresh: number;
  readonly maxIdleRefresh: number;
  readonly historyDurationMs: number;
}

/** Called when a container's OOM counter grew by `count` since its last sample. */
export type OomListener = (container: Container, count: number) => void;

/** Sampling yields to the event loop after this time, so that requests are answered in between. */
const SLICE_MS = 4;
/** A resumed source is attached to all containers within this time, ms. */
const RESUME_WITHIN_MS = 10_000;
/** A sample overdue by more than this counts as a missing sign of life. */
const OVERDUE_MS = 1000;
/** A sample overdue by more than this is reported as a problem. */
const STUCK_MS = 10_000;
/** Sampling of containers that are being looked at: greatest interval, how many at a time, and for how long after each look. */
const WATCHED = { intervalMs: 500, max: 8, timeoutMs: 10_000 };

function hasSameIntervals(a: HousekeepingOptions, b: HousekeepingOptions): boolean {
  return a.interval === b.interval && a.maxInterval === b.maxInterval && a.dynamic === b.dynamic;
}

/** Decides when to sample what, and does it. */
export class Housekeeper implements ContainerObserver {
  /** Sampling slots that passed without a sample because the agent was late. */
  missed = 0;
  readonly sampler: Sampler;
  private readonly attachment: Attachment;
  private readonly layouts = new LayoutTable();
  private readonly containers = new Set<MonitoredContainer>();
  private readonly watched = new Set<MonitoredContainer>();
  private readonly oomListeners: OomListener[] = [];
  private readonly queue = new DueQueue<MonitoredContainer>();
  private readonly phases = new Phases();
  private sources: readonly SourcePlugin[] = [];
  private timer: NodeJS.Timeout | undefined;
  private immediate: NodeJS.Immediate | undefined;
  private running = false;
  private readonly firstSamples = new FirstSamples();
  private resolveCaughtUp: () => void = () => {};
  /** Resolves when no sample is due for the first time: what need not be done earlier begins then. */
  readonly caughtUp = new Promise<void>((resolve) => {
    this.resolveCaughtUp = resolve;
  });
  /** Samples that were taken, and those that failed, since the last `isBeating`. */
  private recentlyTaken = 0;
  private recentlyFailed = 0;
  /** Consecutive failed samples of all containers, and the reason of the last failure. */
  private consecutiveFailures = 0;
  private lastFailure = '';
  private readonly recentMessages = new RecentMessages();
  /** Share of the history's duration that is kept; the budget lowers it. */
  private historyShare = 1;
  /** Stretch of the intervals of containers to come. */
  initialStretch = 1;

  constructor(
    private options: HousekeepingOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
    supervisor: Supervisor,
    /** Asked to check a container whose files are gone: the container may be gone, too. */
    private readonly discovery: Pick<DiscoveryRequests, 'recheck'>,
    private readonly store: Pick<ContainerStore, 'get'>,
    refusals?: () => number,
  ) {
    this.attachment = new Attachment(supervisor);
    this.sampler = new Sampler(clock, supervisor, this.attachment, refusals);
  }

  start(): void {
    this.running = true;
    this.arm();
  }

  /** Stops sampling and closes every probe. */
  stop(): void {
    this.running = false;
    clearTimeout(this.timer);
    clearImmediate(this.immediate);
    for (const container of this.containers) this.attachment.detachAll(container);
  }

  /** Applies other options. Samples within the new history duration are kept. */
  reconfigure(options: HousekeepingOptions): void {
    const previous = this.options;
    this.options = options;
    const now = this.clock.monotonic();
    for (const container of this.containers) {
      container.ring.duration = this.historyDurationUs;
      container.idleRefreshMs = options.idleRefresh;
      if (hasSameIntervals(previous, options)) continue;
      container.interval = options.interval;
      // Containers due later than the new interval are spread over it.
      if (container.nominalDue - now > options.interval) {
        container.nominalDue = this.phases.next(now, options.interval) + options.interval;
        container.due = container.nominalDue;
      }
      this.queue.schedule(container);
    }
    this.arm();
  }

  /** Resolves when each container known now has been sampled, could not be sampled, or is gone. */
  whenSampled(): Promise<void> {
    return this.firstSamples.of([...this.containers].filter(({ ring }) => ring.length === 0));
  }

  /** Whether samples were taken when due since the last call. */
  isBeating(): boolean {
    const first = this.queue.first();
    const overdue = first !== undefined && first.due < this.clock.monotonic() - OVERDUE_MS;
    const beats = this.recentlyTaken > 0 || (this.recentlyFailed === 0 && !overdue);
    this.recentlyTaken = 0;
    this.recentlyFailed = 0;
    return beats;
  }

  /** Why no samples are being taken, `undefined` while they are. */
  problem(): string | undefined {
    if (!this.running) return 'sampling has not begun, or has ended';
    const first = this.queue.first();
    const waiting = first === undefined ? 0 : this.clock.monotonic() - first.due;
    if (waiting > STUCK_MS) return `a sample of ${first!.name} has been due for ${Math.round(waiting / 1000)} s`;
    const isFailing = this.consecutiveFailures > 0 && this.consecutiveFailures >= this.containers.size;
    return isFailing ? `no container can be sampled: ${this.lastFailure}` : undefined;
  }

  onOomKills(listener: OomListener): void {
    this.oomListeners.push(listener);
  }

  /** The containers under housekeeping. */
  monitored(): Iterable<MonitoredContainer> {
    return this.containers;
  }

  /** How many there are. */
  get size(): number {
    return this.containers.size;
  }

  /** The interval between samples of a busy container whose interval is stretched so, ms. */
  intervalOf(stretch: number): number {
    const { interval, maxInterval } = this.options;
    return Math.max(interval, Math.min(interval * stretch, maxInterval));
  }

  /** Keeps only this share of the configured history from the next sample on. */
  keepHistory(share: number): void {
    this.historyShare = share;
    for (const { ring } of this.containers) ring.duration = this.historyDurationUs;
  }

  private get historyDurationUs(): number {
    return this.options.historyDurationMs * 1000 * this.historyShare;
  }

  /** Attaches a source to no container until it is resumed. @param reason shown among what containers lack */
  suspend(source: SourcePlugin, reason: string): void {
    this.attachment.suspended.set(source.record.id, reason);
    for (const container of this.containers) this.attachment.suspendOne(container, source, reason);
  }

  /** Attaches a suspended source again, spread over seconds. */
  resume(source: string): void {
    if (!this.attachment.suspended.delete(source)) return;
    const now = this.clock.monotonic();
    for (const container of this.containers) container.nextRetryAt = now + Math.random() * RESUME_WITHIN_MS;
  }

  /** Bytes that all samples occupy. */
  get historyBytes(): number {
    let bytes = 0;
    for (const { ring } of this.containers) bytes += ring.bytes;
    return bytes;
  }

  /** Takes the first sample of a new container as soon as the loop is free. */
  added(container: Container): void {
    const { interval, idleRefresh } = this.options;
    const parent = this.parentOf(container.name);
    const monitored = new MonitoredContainer(container, this.layouts, interval, this.historyDurationUs, parent);
    monitored.stretch = this.initialStretch;
    monitored.idleRefreshMs = idleRefresh;
    container.set(SAMPLING, monitored);
    this.containers.add(monitored);
    monitored.due = this.clock.monotonic();
    // Containers that start together are spread over the interval from the second sample on.
    monitored.nominalDue = this.phases.next(monitored.due, interval);
    this.queue.schedule(monitored);
    this.arm();
  }

  removed(container: Container): void {
    const monitored = container.get(SAMPLING);
    if (monitored === undefined || !this.containers.delete(monitored)) return;
    monitored.isRemoved = true;
    this.queue.remove(monitored);
    this.watched.delete(monitored);
    this.attachment.detachAll(monitored);
    this.firstSamples.settled(monitored);
  }

  /** Attaches all sources again before the next sample. */
  controllersChanged(container: Container): void {
    const monitored = container.get(SAMPLING);
    if (monitored === undefined) return;
    this.attachment.detachAll(monitored);
    monitored.due = this.clock.monotonic();
    this.queue.schedule(monitored);
    this.arm();
  }

  /** The same, but only when the container's processes or storage changed. */
  descriptionChanged(container: Container, previous: ContainerDescription): void {
    if (needsNewProbes(container.description, previous)) this.controllersChanged(container);
  }

  /** Takes a source in, in its place in the start order, at start or later. */
  sourceAdded(source: SourcePlugin, all: readonly SourcePlugin[]): void {
    this.sources = all;
    for (const container of this.containers) this.attachment.attachOne(container, source);
  }

  sourceRemoved(source: SourcePlugin): void {
    this.sources = this.sources.filter((other) => other !== source);
    for (const container of this.containers) this.attachment.detachOne(container, source);
  }

  /** Samples now each container that has a number older than `maxAge` µs, without blocking the loop. */
  async refresh(containers: readonly Container[], maxAge: number): Promise<void> {
    const slices = new Slices(SLICE_MS, () => this.clock.monotonic());
    for (const each of containers) {
      const container = each.get(SAMPLING);
      if (container === undefined || container.isRemoved || this.isFresh(container, maxAge)) continue;
      this.takeSafely(container, maxAge / 1000);
      if (slices.isOver()) await slices.pause();
    }
  }

  /**
   * Samples a container more often for a while. Repeated calls go on with it.
   * @returns its interval from now on, ms; that of before when too many are watched; `undefined` when it is not sampled
   */
  watch(each: Container): number | undefined {
    const container = each.get(SAMPLING);
    if (container === undefined || container.isRemoved) return undefined;
    const now = this.clock.monotonic();
    for (const other of this.watched) if (other.watchedUntil <= now) this.watched.delete(other);
    if (this.watched.size >= WATCHED.max && !this.watched.has(container)) return container.interval;
    this.watched.add(container);
    container.watchedUntil = now + WATCHED.timeoutMs;
    container.interval = this.watchedInterval;
    container.idleRefreshMs = this.options.idleRefresh;
    if (container.due - now > container.interval) {
      container.nominalDue = now + container.interval;
      container.due = container.nominalDue;
      this.queue.schedule(container);
      this.arm();
    }
    return container.interval;
  }

  private get watchedInterval(): number {
    return Math.min(this.options.interval, WATCHED.intervalMs);
  }

  /** @param changed whether its newest sample shows that it did something */
  private nextInterval(container: MonitoredContainer, changed: boolean, now: number): number {
    const { watchedUntil, interval: last, stretch } = container;
    if (watchedUntil > now) return this.watchedInterval;
    const { maxInterval, dynamic } = this.options;
    const interval = this.intervalOf(stretch);
    return changed || !dynamic ? interval : Math.max(interval, Math.min(last * 2, maxInterval));
  }

  /** The nearest container above that is known, other than the machine: something always runs there. */
  private parentOf(name: string): MonitoredContainer | undefined {
    for (let end = name.lastIndexOf('/'); end > 0; end = name.lastIndexOf('/', end - 1)) {
      const parent = this.store.get(name.slice(0, end))?.get(SAMPLING);
      if (parent !== undefined) return parent;
    }
    return undefined;
  }

  private isFresh({ ring, lastFullRead }: MonitoredContainer, maxAge: number): boolean {
    if (ring.length === 0 || maxAge === 0) return false;
    return this.clock.now() - ring.latestTime <= maxAge && (this.clock.monotonic() - lastFullRead) * 1000 <= maxAge;
  }

  private arm(): void {
    clearTimeout(this.timer);
    const first = this.queue.first();
    if (!this.running || first === undefined || this.immediate !== undefined) return;
    this.timer = setTimeout(() => this.slice(), Math.max(0, first.due - this.clock.monotonic()));
  }

  private slice(): void {
    this.immediate = undefined;
    const started = this.clock.monotonic();
    for (let now = started; now - started < SLICE_MS; ) {
      const first = this.queue.first();
      if (first === undefined || first.due > now) {
        this.rest(first, now);
        return;
      }
      this.housekeep(first, now);
      const ended = this.clock.monotonic();
      first.busyMs += ended - now;
      now = ended;
    }
    if (this.running) this.immediate = setImmediate(() => this.slice());
  }

  private rest(first: MonitoredContainer | undefined, now: number): void {
    if (!this.running || first === undefined) return;
    this.resolveCaughtUp();
    // Timers count whole milliseconds from one that has begun: a shorter one would end before the sample is due.
    this.timer = setTimeout(() => this.slice(), Math.ceil(first.due - now) + 1);
  }

  private housekeep(container: MonitoredContainer, now: number): void {
    const changed = this.takeSafely(container);
    this.firstSamples.settled(container);
    container.interval = this.nextInterval(container, changed, now);
    container.nominalDue += container.interval;
    if (container.nominalDue <= now) {
      const behind = Math.floor((now - container.nominalDue) / container.interval) + 1;
      if (container.ring.length > 1) this.missed += behind;
      container.nominalDue += behind * container.interval;
    }
    const delay = Math.random() * this.options.jitter * container.interval;
    container.due = nextStep(container.nominalDue + delay, container.interval);
    this.queue.schedule(container);
  }

  /** A fault of the kernel's own in one container's sample must not end the sampling of all. */
  private takeSafely(container: MonitoredContainer, maxAge?: number): boolean {
    try {
      const changed = this.take(container, maxAge);
      this.recentlyTaken++;
      this.consecutiveFailures = 0;
      return changed;
    } catch (error) {
      this.recentlyFailed++;
      const reason = messageOf(error);
      this.consecutiveFailures++;
      this.lastFailure = reason;
      if (this.recentMessages.isNew(reason, this.clock.monotonic()))
        this.logger.error(`sampling ${container.name} failed: ${reason}`, { container: container.name });
      return false;
    }
  }

  private take(container: MonitoredContainer, maxAge?: number): boolean {
    const now = this.clock.monotonic();
    if (!container.attached) this.attachment.attachAll(container, this.sources, now);
    else this.attachment.retryAbsent(container, this.sources, now);
    const probes = container.slots.length;
    const changed = this.sampler.sample(container, this.options, maxAge);
    if (container.slots.length < probes) this.discovery.recheck(container.name);
    if (container.hasLeftOut) this.tellLeftOut(container);
    const kills = container.newOomKills();
    if (kills > 0) for (const listener of this.oomListeners) listener(container.container, kills);
    return changed;
  }

  private tellLeftOut({ name, slots }: MonitoredContainer): void {
    for (const { source, isLeftOut } of slots) {
      const text = `a sample of ${name} was taken without ${source.record.id}, whose columns changed at every read`;
      if (isLeftOut && this.recentMessages.isNew(text, this.clock.monotonic()))
        this.logger.warn(text, { container: name });
    }
  }
}
