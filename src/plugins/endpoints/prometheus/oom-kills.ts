import type { EventLog } from '../../../kernel/contracts/index.js';

/** What is remembered of one container name. */
interface Count {
  /** Kills in its earlier cgroups. */
  earlier: number;
  /** Stands for its present cgroup; a container that is started again gets another. */
  cgroup: object | undefined;
  /** Kills in the present cgroup before the first event about it, as the kernel counts. */
  before: number;
  /** Kills in the present cgroup that were reported as events. */
  events: number;
  /** The kernel's own count of the present cgroup. */
  kernel: number;
  /** When it was last shown, monotonic ms; NaN before. */
  shown: number;
}

/** A container that is being started again is not there for a moment. ms */
const KEPT = 600_000;

/**
 * Processes killed for lack of memory, by container name. The kernel's own count ends with the cgroup, mostly in the
 * very moment that matters; events outlive it, and a container that is started again goes on counting.
 */
export class OomKills {
  private readonly counts = new Map<string, Count>();

  /** Listens until the signal is aborted. */
  constructor(events: EventLog, signal: AbortSignal) {
    const filter = { containerName: '/', below: true, types: new Set(['oom'] as const) };
    const end = events.subscribe(filter, ({ containerName }) => this.countOf(containerName).events++);
    signal.addEventListener('abort', end, { once: true });
  }

  /** Takes in the kernel's count of a container that lives. @param cgroup the same object for as long as the cgroup lives */
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

  /** Kills in the container so far. */
  total(name: string): number {
    const count = this.counts.get(name);
    return count === undefined ? 0 : count.earlier + inPresent(count);
  }

  /** Forgets containers that have not been shown for a while. @param now monotonic ms */
  keep(isShown: (name: string) => boolean, now: number): void {
    for (const [name, count] of this.counts) {
      if (isShown(name) || Number.isNaN(count.shown)) count.shown = now;
      else if (now - count.shown > KEPT) this.counts.delete(name);
    }
  }

  private carry(count: Count): void {
    count.earlier += inPresent(count);
    count.before = 0;
    count.events = 0;
    count.kernel = 0;
  }

  private countOf(name: string): Count {
    const known = this.counts.get(name);
    if (known !== undefined) return known;
    const count: Count = { earlier: 0, cgroup: undefined, before: 0, events: 0, kernel: 0, shown: Number.NaN };
    this.counts.set(name, count);
    return count;
  }
}

/** An event may come a little later than the count, or (of cgroups below) not at all: the higher of both is true. */
function inPresent({ before, events, kernel }: Count): number {
  return Math.max(kernel, before + events);
}
