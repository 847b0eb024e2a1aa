import type { Clock, ContainerDescription, Logger } from '../contracts/index.js';
import type { EventStore } from './event-store.js';
import type { OomKill } from './kernel-log.js';
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
  /** What a handler knows of a container's end, once it does. */
  readonly departed: (name: string) => ContainerDescription | undefined;
}

/** Turns what the rest of the kernel sees into events. */
export class EventRecorder {
  private readonly watcher: OomWatcher;
  private readonly waiting = new Set<NodeJS.Timeout>();
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

  /** @param createdAt µs since the epoch; 0 unknown */
  created(containerName: string, createdAt: number): void {
    const time = createdAt > 0 ? createdAt : this.options.clock.now();
    this.options.store.add({ containerName, time, type: 'containerCreation' });
  }

  /** @param hasRuntime whether a runtime may know how it ended */
  deleted(containerName: string, hasRuntime: boolean): void {
    const time = this.options.clock.now();
    if (hasRuntime) this.askForExit(containerName, time, 0);
    else this.addDeletion(containerName, time, UNKNOWN_EXIT);
  }

  /** OOM kills that a container's own counter shows: used while the kernel log cannot be read. */
  counted(containerName: string, kills: number): void {
    if (this.followsKernelLog) return;
    const time = this.options.clock.now();
    for (let i = 0; i < kills; i++) this.options.store.add({ containerName, time, type: 'oom' });
  }

  private killed({ taskContainer, limitContainer, victim }: OomKill, time: number): void {
    this.options.store.add({ containerName: taskContainer, time, type: 'oom' });
    this.options.store.add({ containerName: limitContainer, time, type: 'oomKill', oom: victim });
  }

  private askForExit(containerName: string, time: number, tries: number): void {
    const timer = setTimeout(() => {
      this.waiting.delete(timer);
      const exitCode = this.options.departed(containerName)?.state.exitCode;
      if (exitCode !== undefined) this.addDeletion(containerName, time, exitCode);
      else if (tries + 1 < ASK_AFTER.length) this.askForExit(containerName, time, tries + 1);
      else this.addDeletion(containerName, time, UNKNOWN_EXIT);
    }, ASK_AFTER[tries]);
    timer.unref();
    this.waiting.add(timer);
  }

  private addDeletion(containerName: string, time: number, exitCode: number): void {
    this.options.store.add({ containerName, time, type: 'containerDeletion', exitCode });
  }
}
