import type { Session } from 'node:inspector';
import { getHeapStatistics } from 'node:v8';
import { type Clock, type Finding, type Logger, memoryUsage } from '../contracts/index.js';
import type { CommonTimer } from '../timing/index.js';
import { type Allocation, allocationsOf, type MemoryReports, type SamplingNode } from './memory-report.js';
import type { OwnCgroup } from './own-cgroup.js';

export interface MemoryLimitParts {
  readonly clock: Clock;
  readonly timer: Pick<CommonTimer, 'after'>;
  readonly logger: Logger;
  readonly cgroup: () => OwnCgroup;
  /** Absent: there is no directory for them. */
  readonly reports: MemoryReports | undefined;
  /** What the agent holds: containers, bytes of the history, plugins. */
  readonly held: () => object;
  /** The plugin whose code a stack goes through. */
  readonly pluginOf: (stack: string) => string | undefined;
}

/** Shares of the heap limit. Above `WATCHED` allocations are sampled, above `EXCEEDED` the agent ends. */
const WATCHED = 0.6;
const EXCEEDED = 0.85;
/** Share of `memory.max` of the agent's own cgroup above which it ends. */
const CGROUP_EXCEEDED = 0.92;
/** Intervals of checks, ms: while there is room, and above `WATCHED`. */
const CALM_INTERVAL_MS = 1_000;
const WATCHED_INTERVAL_MS = 200;
/** The files of the own cgroup are read at one in so many checks. */
const CGROUP_CHECKS = 10;
/** A full garbage collection takes up to half a second: at most one in this time, ms. */
const COLLECTION_INTERVAL_MS = 10_000;
/** One of so many allocated bytes is recorded with its stack. */
const SAMPLING_BYTES = 32 * 1024;
const MIB = 2 ** 20;
/** What V8 adds to the limit of the old generation: three semi-spaces of 16 MiB. */
const YOUNG_GENERATION_BYTES = 48 * MIB;

/** Ends the agent with a report before V8 or the kernel ends it without one. */
export class MemoryLimit {
  private cancel: () => void = () => {};
  private isStopped = false;
  private checks = 0;
  private collectedAt = Number.NEGATIVE_INFINITY;
  private session: Session | undefined;
  private previous: readonly Finding[] = [];
  private announce: (reason: string) => void = () => {};
  /** Resolves with the reason when memory is used up and the report is written. */
  readonly exceeded = new Promise<string>((resolve) => {
    this.announce = resolve;
  });

  constructor(private readonly parts: MemoryLimitParts) {}

  start(): void {
    const { reports, clock } = this.parts;
    reports?.prepare();
    this.previous = reports?.findings(clock.now()) ?? [];
    this.schedule(CALM_INTERVAL_MS);
  }

  stop(): void {
    this.isStopped = true;
    this.cancel();
    this.session?.disconnect();
    this.session = undefined;
  }

  /** How the agent ended before, if for lack of memory and not long ago. */
  findings(): readonly Finding[] {
    return this.previous;
  }

  private schedule(ms: number): void {
    this.cancel = this.parts.timer.after(ms, () => void this.check());
  }

  private async check(): Promise<void> {
    const share = heapShare();
    const reason = (await this.heapReason(share)) ?? this.cgroupReason();
    if (this.isStopped) return;
    if (reason !== undefined) this.end(reason);
    else this.schedule(share > WATCHED ? WATCHED_INTERVAL_MS : CALM_INTERVAL_MS);
  }

  private async heapReason(share: number): Promise<string | undefined> {
    if (share > WATCHED) await this.watchAllocations();
    const now = this.parts.clock.monotonic();
    if (share <= EXCEEDED || now - this.collectedAt < COLLECTION_INTERVAL_MS) return undefined;
    this.collectedAt = now;
    this.session?.post('HeapProfiler.collectGarbage');
    if (heapShare() <= EXCEEDED) return undefined;
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    return `${Math.round(used / MIB)} MiB of the heap limit of ${Math.round(oldGenerationLimit(limit) / MIB)} MiB are in use (--max-old-space-size)`;
  }

  private cgroupReason(): string | undefined {
    if (++this.checks % CGROUP_CHECKS !== 0) return undefined;
    const { memoryMax } = this.parts.cgroup();
    const used = memoryUsage()?.rss ?? 0;
    if (memoryMax === undefined || used <= memoryMax * CGROUP_EXCEEDED) return undefined;
    return `${Math.round(used / MIB)} MiB of memory are in use where the agent's cgroup allows ${Math.round(memoryMax / MIB)} MiB (MemoryMax=)`;
  }

  /** Loaded when needed: an inspector session takes memory. */
  private async watchAllocations(): Promise<void> {
    if (this.session !== undefined) return;
    const { Session } = await import('node:inspector');
    if (this.isStopped) return;
    this.session = new Session();
    this.session.connect();
    this.session.post('HeapProfiler.startSampling', { samplingInterval: SAMPLING_BYTES });
  }

  private allocations(): readonly Allocation[] {
    let head: SamplingNode | undefined;
    this.session?.post('HeapProfiler.getSamplingProfile', (error, result) => {
      if (error === null) head = result.profile.head;
    });
    return head === undefined ? [] : allocationsOf(head, this.parts.pluginOf);
  }

  private end(reason: string): void {
    const { reports, logger, held } = this.parts;
    try {
      const path = reports?.write({ reason, held: held(), allocations: this.allocations() });
      const where = path === undefined ? 'there is no state directory for a report' : `the report is ${path}`;
      logger.error(`the agent ends before memory is used up: ${reason}; ${where}`);
    } catch (error) {
      logger.error(`the agent ends before memory is used up: ${reason}; no report: ${String(error)}`);
    }
    this.announce(reason);
  }
}

/** The share of the old generation's limit that is in use; the young generation has room of its own. */
function heapShare(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used / oldGenerationLimit(limit);
}

function oldGenerationLimit(heapLimit: number): number {
  const options = [process.env.NODE_OPTIONS ?? '', ...process.execArgv].join(' ');
  const [, configured] = /--max[-_]old[-_]space[-_]size=(\d+)/.exec(options) ?? [];
  return configured === undefined ? heapLimit - YOUNG_GENERATION_BYTES : Number(configured) * MIB;
}
