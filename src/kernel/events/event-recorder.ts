import { type Container, type ContainerLimits, type ContainerObserver, Slot } from '../containers/index.js';
import type { Clock, ContainerDescription, Logger } from '../contracts/index.js';
import { RecentMessages } from '../log/index.js';
import type { EventStore } from './event-store.js';
import type { OomKill } from './kernel-log.js';
import { OomCounts } from './oom-counts.js';
import { OomWatcher } from './oom-watcher.js';

/** A runtime may tell a container's end shortly after its cgroup is gone: ms after which it is asked. */
const ASK_AFTER = [0, 100, 300, 600, 1000, 2000];
const UNKNOWN_EXIT = -1;
/** Events that are made of what a counter of a container shows at once. */
const MOST_COUNTED = 1_000;

export interface EventRecorderOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The host's kernel log, normally `/dev/kmsg`. */
  readonly kernelLog: string;
  /** Seconds since boot. */
  readonly uptime: () => number;
  readonly limits: Pick<ContainerLimits, 'creationOf'>;
  /** What a handler knows of a container's end, once it does. */
  readonly departed: (name: string) => ContainerDescription | undefined;
}

/** Whether an OOM kill in the container was told by its own counters. */
const KILL_REPORTED = new Slot<boolean>('oom-kill-reported');

/** Turns what the rest of the kernel sees into events. */
export class EventRecorder implements ContainerObserver {
  private readonly watcher: OomWatcher;
  private readonly counts = new OomCounts();
  private readonly waiting = new Set<NodeJS.Timeout>();
  private readonly told = new RecentMessages();
  private followsKernelLog = false;

  constructor(private readonly options: EventRecorderOptions) {
    const { kernelLog: path, clock, logger, uptime } = options;
    this.watcher = new OomWatcher({ path, clock, logger, uptime, onKill: (kill, time) => this.killed(kill, time) });
  }

  start(): void {
    this.followsKernelLog = this.watcher.start();
  }

  stop(): void {
    this.watcher.stop();
    for (const timer of this.waiting) clearTimeout(timer);
  }

  added(container: Container): void {
    if (!this.followsKernelLog) this.counts.begin(container);
    const { createdAt, createdAtExtraNs: timeExtraNs } = this.options.limits.creationOf(container);
    const time = createdAt > 0 ? { time: createdAt, timeExtraNs } : { time: this.options.clock.now() };
    this.options.store.add({ containerName: container.name, type: 'containerCreation', ...time });
  }

  removed(container: Container): void {
    const time = this.options.clock.now();
    // Only a runtime may know how it ended.
    if (container.description.namespace !== undefined) this.askForExit(container, time, 0);
    else this.addDeletion(container.name, time, UNKNOWN_EXIT);
  }

  /**
   * OOM kills that a container's counter shows, those below it included where the kernel counts so: used while the kernel
   * log cannot be read.
   */
  counted(container: Container, kills: number): void {
    if (this.followsKernelLog) return;
    const own = this.counts.added(container) ?? { kills, limitHits: 0 };
    this.addKills(container, this.options.clock.now(), own.kills, Math.min(kills, own.limitHits));
  }

  private addKills(container: Container, time: number, killed: number, limitHits: number): void {
    if (killed > 0) container.set(KILL_REPORTED, true);
    this.addCounted(container.name, time, 'oom', killed);
    this.addCounted(container.name, time, 'oomKill', limitHits);
  }

  private addCounted(containerName: string, time: number, type: 'oom' | 'oomKill', count: number): void {
    const { store, logger, clock } = this.options;
    for (let i = Math.min(count, MOST_COUNTED); i > 0; i--) store.add({ containerName, time, type });
    if (count <= MOST_COUNTED) return;
    const text = `${containerName}: ${count} OOM kills at once; ${MOST_COUNTED} events stand for them`;
    if (this.told.isNew(text, clock.monotonic())) logger.warn(text);
  }

  private killed({ taskContainer, limitContainer, victim }: OomKill, time: number): void {
    this.options.store.add({ containerName: taskContainer, time, type: 'oom' });
    this.options.store.add({ containerName: limitContainer, time, type: 'oomKill', oom: victim });
  }

  private askForExit(container: Container, time: number, tries: number): void {
    const timer = setTimeout(() => {
      this.waiting.delete(timer);
      const state = this.options.departed(container.name)?.state;
      const isKnown = state?.exitCode !== undefined;
      if (!isKnown && tries + 1 < ASK_AFTER.length) return this.askForExit(container, time, tries + 1);
      this.addUnreportedKill(container, time, state?.oomKilled === true);
      this.addDeletion(container.name, time, state?.exitCode ?? UNKNOWN_EXIT);
    }, ASK_AFTER[tries]);
    timer.unref();
    this.waiting.add(timer);
  }

  /** A container's counters are mostly gone in the moment that matters: then its runtime's word is taken. */
  private addUnreportedKill(container: Container, time: number, wasKilled: boolean): void {
    const isReported = this.followsKernelLog || container.get(KILL_REPORTED) === true;
    if (wasKilled && !isReported) this.addKills(container, time, 1, 0);
  }

  private addDeletion(containerName: string, time: number, exitCode: number): void {
    this.options.store.add({ containerName, time, type: 'containerDeletion', exitCode });
  }
}
