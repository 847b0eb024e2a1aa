import type { EventLog } from '../../../kernel/contracts/index.js';

/** Counts of one container name. */
interface Count {
  /** Kills in its earlier cgroups. */
  earlier: number;
  /** Identifies its current cgroup; a restarted container has another. */
  cgroup: object | undefined;
  /** Kills in the current cgroup before its first event, by the kernel's counter. */
  before: number;
  /** Events of kills in the current cgroup. */
  events: number;
  /** The kernel's counter of the current cgroup. */
  kernel: number;
  /** When it was last exported, monotonic ms; NaN: never. */
  exportedAt: number;
}

/** How long counts of a missing container are kept, for restarts. */
const RETENTION_MS = 600_000;

/**
 * OOM kills by container name. The kernel's counter is removed with the cgroup, usually right after the kill; events
 * are kept, and the count of a restarted container continues.
 */
export class OomKills {
  private readonly counts = new Map<string, Count>();

  /** Subscribes until the signal is aborted. */
  constructor(events: EventLog, signal: AbortSignal) {
    const filter = { containerName: '/', below: true, types: new Set(['oom'] as const) };
    const end = events.subscribe(filter, ({ containerName }) => this.countOf(containerName).events++);
    signal.addEventListener('abort', end, { once: true });
  }

  /** Records the kernel's counter of a running container. @param cgroup identifies the cgroup */
  observe(name: string, cgroup: object, kernelCount: number): void {
    const known = this.counts.get(name);
    if (known === undefined && kernelCount === 0) return;
    const count = known ?? this.countOf(name);
    if (count.cgroup !== cgroup) {
      if (count.cgroup !== undefined) this.carry(count);
      count.cgroup = cgroup;
      count.before = Math.max(0, kernelCount - count.events);
    }
    count.kernel = kernelCount;
  }

  total(name: string): number {
    const count = this.counts.get(name);
    return count === undefined ? 0 : count.earlier + inCurrentCgroup(count);
  }

  /** Drops containers that have not been exported for a while. @param now monotonic ms */
  keep(isExported: (name: string) => boolean, now: number): void {
    for (const [name, count] of this.counts) {
      if (isExported(name) || Number.isNaN(count.exportedAt)) count.exportedAt = now;
      else if (now - count.exportedAt > RETENTION_MS) this.counts.delete(name);
    }
  }

  private carry(count: Count): void {
    count.earlier += inCurrentCgroup(count);
    count.before = 0;
    count.events = 0;
    count.kernel = 0;
  }

  private countOf(name: string): Count {
    const known = this.counts.get(name);
    if (known !== undefined) return known;
    const count: Count = { earlier: 0, cgroup: undefined, before: 0, events: 0, kernel: 0, exportedAt: Number.NaN };
    this.counts.set(name, count);
    return count;
  }
}

/** An event may arrive later than the counter, or not at all (for child cgroups): the higher number is used. */
function inCurrentCgroup({ before, events, kernel }: Count): number {
  return Math.max(kernel, before + events);
}
