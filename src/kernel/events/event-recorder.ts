import { type Container, type ContainerLimits, type ContainerObserver, Slot } from '../containers/index.js';
import type { ContainerDescription } from '../contracts/index.js';
import { RecentMessages } from '../log/index.js';
import type { EventStore } from './event-store.js';
import type { OomKill } from './kernel-log.js';
import { beginCounting, countedSince } from './oom-counts.js';
import { OomWatcher, type OomWatcherOptions } from './oom-watcher.js';

/** Delays after which a runtime is asked for the exit code, which it may know shortly after the cgroup is removed. */
const EXIT_QUERY_DELAYS_MS = [0, 100, 300, 600, 1000, 2000];
const UNKNOWN_EXIT_CODE = -1;
/** Maximum number of events from one increase of a counter. */
const MAX_COUNTED_EVENTS = 1_000;

export interface EventRecorderOptions extends Omit<OomWatcherOptions, 'onKill'> {
  readonly store: EventStore;
  readonly limits: Pick<ContainerLimits, 'creationOf'>;
  /** What a handler knows about an exited container. */
  readonly departed: (name: string) => ContainerDescription | undefined;
}

/** Whether the counters of the container have reported an OOM kill. */
const KILL_REPORTED = new Slot<boolean>('oom-kill-reported');

/** Records events of containers and OOM kills. */
export class EventRecorder implements ContainerObserver {
  private readonly watcher: OomWatcher;
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly recentWarnings = new RecentMessages();
  private followsKernelLog = false;

  constructor(private readonly options: EventRecorderOptions) {
    this.watcher = new OomWatcher({ ...options, onKill: (kill, time) => this.killed(kill, time) });
  }

  start(): void {
    this.followsKernelLog = this.watcher.start();
  }

  stop(): void {
    this.watcher.stop();
    this.options.store.stop();
    for (const timer of this.timers) clearTimeout(timer);
  }

  added(container: Container): void {
    if (!this.followsKernelLog) beginCounting(container);
    const now = this.options.clock.now();
    this.options.store.addLater('containerCreation', () => {
      const { createdAt, createdAtExtraNs: timeExtraNs } = this.options.limits.creationOf(container);
      const time = createdAt > 0 ? { time: createdAt, timeExtraNs } : { time: now };
      return { containerName: container.name, type: 'containerCreation', ...time };
    });
  }

  removed(container: Container): void {
    const time = this.options.clock.now();
    this.watcher.lookNow();
    // Only a runtime knows the exit code.
    if (container.description.namespace !== undefined) this.queryExitCode(container, time, 0);
    else this.addDeletion(container.name, time, UNKNOWN_EXIT_CODE);
  }

  /**
   * Records OOM kills reported by a container's counter, which may include its descendants. The kernel log says more: where it
   * can be read, it is read instead.
   */
  counted(container: Container, kills: number): void {
    if (this.followsKernelLog) {
      this.watcher.lookNow();
      return;
    }
    const own = countedSince(container) ?? { kills, limitHits: 0 };
    this.addKills(container, this.options.clock.now(), own.kills, Math.min(kills, own.limitHits));
  }

  private addKills(container: Container, time: number, killed: number, limitHits: number): void {
    if (killed > 0) container.set(KILL_REPORTED, true);
    this.addCounted(container.name, time, 'oom', killed);
    this.addCounted(container.name, time, 'oomKill', limitHits);
  }

  private addCounted(containerName: string, time: number, type: 'oom' | 'oomKill', count: number): void {
    const { store, logger, clock } = this.options;
    for (let i = Math.min(count, MAX_COUNTED_EVENTS); i > 0; i--) store.add({ containerName, time, type });
    if (count <= MAX_COUNTED_EVENTS) return;
    const text = `${containerName}: ${count} OOM kills at once; only ${MAX_COUNTED_EVENTS} events are recorded`;
    if (this.recentWarnings.isNew(text, clock.monotonic())) logger.warn(text);
  }

  private killed({ taskContainer, limitContainer, victim }: OomKill, time: number): void {
    this.options.store.add({ containerName: taskContainer, time, type: 'oom', oom: victim });
    this.options.store.add({ containerName: limitContainer, time, type: 'oomKill', oom: victim });
  }

  private queryExitCode(container: Container, time: number, attempt: number): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      const state = this.options.departed(container.name)?.state;
      const isKnown = state?.exitCode !== undefined;
      if (!isKnown && attempt + 1 < EXIT_QUERY_DELAYS_MS.length)
        return this.queryExitCode(container, time, attempt + 1);
      this.addUnreportedKill(container, time, state?.oomKilled === true);
      this.addDeletion(container.name, time, state?.exitCode ?? UNKNOWN_EXIT_CODE);
    }, EXIT_QUERY_DELAYS_MS[attempt]);
    timer.unref();
    this.timers.add(timer);
  }

  /** The counters of a container usually disappear with the kill, so the runtime's report is used. */
  private addUnreportedKill(container: Container, time: number, wasKilled: boolean): void {
    const isReported = this.followsKernelLog || container.get(KILL_REPORTED) === true;
    if (wasKilled && !isReported) this.addKills(container, time, 1, 0);
  }

  private addDeletion(containerName: string, time: number, exitCode: number): void {
    this.options.store.add({ containerName, time, type: 'containerDeletion', exitCode });
  }
}
