import type { Clock, ContainerDescription, Logger } from '../contracts/index.js';
import type { EventStore } from './event-store.js';
import type { OomKill } from './kernel-log.js';
import { OomCounts } from './oom-counts.js';
import { OomWatcher } from './oom-watcher.js';

/** A runtime may tell a container's end shortly after its cgroup is gone: ms after which it is asked. */
const ASK_AFTER = [0, 100, 300, 600, 1000, 2000];
const UNKNOWN_EXIT = -1;

export interface EventRecorderOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The host's kernel log, normally `/dev/kmsg`. */
  readonly kernelLog: string;
  /** Seconds since boot. */
  readonly uptime: () => number;
  /** Text of a container's `memory.events.local`, which cgroup v2 has from Linux 5.2 on. */
  readonly memoryEvents: (name: string) => string | undefined;
  /** What a handler knows of a container's end, once it does. */
  readonly departed: (name: string) => ContainerDescription | undefined;
}

/** Turns what the rest of the kernel sees into events. */
export class EventRecorder {
  private readonly watcher: OomWatcher;
  private readonly counts: OomCounts;
  /** Containers with an OOM kill that their own counters told. */
  private readonly toldOfKill = new Set<string>();
  private readonly waiting = new Set<NodeJS.Timeout>();
  private followsKernelLog = false;

  constructor(private readonly options: EventRecorderOptions) {
    const { kernelLog: path, clock, logger, uptime } = options;
    this.counts = new OomCounts(options.memoryEvents);
    this.watcher = new OomWatcher({ path, clock, logger, uptime, onKill: (kill, time) => this.killed(kill, time) });
  }

  start(): void {
    this.followsKernelLog = this.watcher.start();
  }

  stop(): void {
    this.watcher.stop();
    for (const timer of this.waiting) clearTimeout(timer);
  }

  /** @param createdAt µs since the epoch; 0 unknown */
  created(containerName: string, createdAt: number): void {
    if (!this.followsKernelLog) this.counts.begin(containerName);
    const time = createdAt > 0 ? createdAt : this.options.clock.now();
    this.options.store.add({ containerName, time, type: 'containerCreation' });
  }

  /** @param hasRuntime whether a runtime may know how it ended */
  deleted(containerName: string, hasRuntime: boolean): void {
    const time = this.options.clock.now();
    this.counts.end(containerName);
    if (!hasRuntime) this.toldOfKill.delete(containerName);
    if (hasRuntime) this.askForExit(containerName, time, 0);
    else this.addDeletion(containerName, time, UNKNOWN_EXIT);
  }

  /**
   * OOM kills that a container's counter shows, those below it included where the kernel counts so: used while the kernel
   * log cannot be read.
   */
  counted(containerName: string, kills: number): void {
    if (this.followsKernelLog) return;
    const own = this.counts.added(containerName) ?? { kills, limitHits: 0 };
    this.addKills(containerName, this.options.clock.now(), own.kills, Math.min(kills, own.limitHits));
  }

  private addKills(containerName: string, time: number, killed: number, limitHits: number): void {
    if (killed > 0) this.toldOfKill.add(containerName);
    for (let i = 0; i < killed; i++) this.options.store.add({ containerName, time, type: 'oom' });
    for (let i = 0; i < limitHits; i++) this.options.store.add({ containerName, time, type: 'oomKill' });
  }

  private killed({ taskContainer, limitContainer, victim }: OomKill, time: number): void {
    this.options.store.add({ containerName: taskContainer, time, type: 'oom' });
    this.options.store.add({ containerName: limitContainer, time, type: 'oomKill', oom: victim });
  }

  private askForExit(containerName: string, time: number, tries: number): void {
    const timer = setTimeout(() => {
      this.waiting.delete(timer);
      const state = this.options.departed(containerName)?.state;
      const isKnown = state?.exitCode !== undefined;
      if (!isKnown && tries + 1 < ASK_AFTER.length) return this.askForExit(containerName, time, tries + 1);
      this.addUntoldKill(containerName, time, state?.oomKilled === true);
      this.addDeletion(containerName, time, state?.exitCode ?? UNKNOWN_EXIT);
    }, ASK_AFTER[tries]);
    timer.unref();
    this.waiting.add(timer);
  }

  /** A container's counters are mostly gone in the moment that matters: then its runtime's word is taken. */
  private addUntoldKill(containerName: string, time: number, wasKilled: boolean): void {
    const isTold = this.followsKernelLog || this.toldOfKill.has(containerName);
    if (wasKilled && !isTold) this.addKills(containerName, time, 1, 0);
    this.toldOfKill.delete(containerName);
  }

  private addDeletion(containerName: string, time: number, exitCode: number): void {
    this.options.store.add({ containerName, time, type: 'containerDeletion', exitCode });
  }
}
