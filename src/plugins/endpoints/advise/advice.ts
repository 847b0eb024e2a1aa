import type {
  AgentView,
  ContainerView,
  LimitChange,
  Percentiles,
  ResourceLimits,
  SampleCursor,
} from '../../../kernel/contracts/index.js';
import { coresLimit, finiteLimit } from '../common/index.js';

/** Less data than this is no basis for advice, minutes. */
export const MIN_MINUTES = 10;
const MINUTES_PER_HOUR = 60;
const MEDIUM_FROM = 6 * MINUTES_PER_HOUR;
const HIGH_FROM = 23 * MINUTES_PER_HOUR;

/** Added to what was used. */
export const MARGINS = { request: 0.1, limit: 0.2 } as const;
/** What a container that was held back or killed gets above the limit that did it. */
const HELD_BACK_FACTOR = 1.5;
const MIN_THROTTLED_SHARE = 0.05;
const MIN_CPUS = 0.05;
const CPU_STEP = 0.05;
const MIB = 2 ** 20;
const MIN_MEMORY = 16 * MIB;
const DAY_US = 86_400_000_000;

export interface Advice {
  /** Minutes with data among the last 1,440, of the resource that has fewer. */
  readonly minutes: number;
  readonly confidence: 'low' | 'medium' | 'high';
  /** CPUs and bytes that were used: percentiles of the minutes' 90th percentiles, the highest peak. */
  readonly used: {
    readonly cpu: Use & { readonly throttledShare: number };
    readonly memory: Use & { readonly cacheBytes: number; readonly oomKills: number };
  };
  /** `undefined`: none. */
  readonly now: { readonly cpus: number | undefined; readonly memory: number | undefined };
  readonly change: Required<Pick<LimitChange, 'cpus' | 'cpuRequest' | 'memory' | 'memoryRequest'>>;
  readonly savings: readonly string[];
  readonly risks: readonly string[];
}

interface Use {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** @returns the advice, or the reason why there is none */
export function adviceFor(agent: AgentView, container: ContainerView): Advice | string {
  const day = container.summary()?.day;
  if (day === undefined) return 'the container has neither CPU nor memory';
  const minutes = Math.min(day.cpu.count, day.memory.count);
  if (minutes < MIN_MINUTES) return `only ${minutes} min of data: ask again in ${MIN_MINUTES - minutes} min`;
  const used = {
    cpu: { ...useOf(day.cpu, 1000), throttledShare: throttledShare(container) },
    memory: {
      ...useOf(day.memory, 1),
      cacheBytes: latest(container, 'memory.cache'),
      oomKills: kills(agent, container),
    },
  };
  const limits = container.limits();
  const machine = agent.host.machine();
  const now = { cpus: coresLimit(limits), memory: boundOf(limits, machine.memory_capacity) };
  const change = changeFor(used, now, machine.num_cores, machine.memory_capacity);
  return {
    minutes,
    confidence: minutes >= HIGH_FROM ? 'high' : minutes >= MEDIUM_FROM ? 'medium' : 'low',
    used,
    now,
    change,
    ...consequences(used, now, change, machine),
  };
}

function useOf({ fifty, ninetyfive, max }: Percentiles, divisor: number): Use {
  return { p50: fifty / divisor, p95: ninetyfive / divisor, max: max / divisor };
}

function changeFor(used: Advice['used'], now: Advice['now'], cores: number, capacity: number): Advice['change'] {
  const { cpu, memory } = used;
  // What it would have used without its quota, or before it was killed, is not known.
  const isThrottled = cpu.throttledShare >= MIN_THROTTLED_SHARE && now.cpus !== undefined;
  const wasKilled = memory.oomKills > 0 && now.memory !== undefined;
  const cpus = Math.max(cpu.max * (1 + MARGINS.limit), isThrottled ? now.cpus! * HELD_BACK_FACTOR : 0);
  const bytes = Math.max(memory.max * (1 + MARGINS.limit), wasKilled ? now.memory! * HELD_BACK_FACTOR : 0);
  const limit = { cpus: Math.min(cores, upTo(cpus, CPU_STEP, MIN_CPUS)), memory: upTo(bytes, MIB, MIN_MEMORY) };
  return {
    cpus: limit.cpus,
    cpuRequest: Math.min(limit.cpus, upTo(cpu.p95 * (1 + MARGINS.request), 0.01, 0.01)),
    memory: Math.min(capacity || Number.MAX_SAFE_INTEGER, limit.memory),
    memoryRequest: Math.min(limit.memory, upTo(memory.p95 * (1 + MARGINS.request), MIB, MIB)),
  };
}

/** Rounded up to a multiple of `step`, at least `least`. */
function upTo(value: number, step: number, least: number): number {
  const steps = Math.ceil(Number((value / step).toFixed(6)));
  return Math.max(least, Number((steps * step).toFixed(2)));
}

/** What following the advice gives back, and what not following it risks. */
function consequences(
  used: Advice['used'],
  now: Advice['now'],
  change: Advice['change'],
  machine: { readonly num_cores: number; readonly memory_capacity: number },
): Pick<Advice, 'savings' | 'risks'> {
  const savings: string[] = [];
  const risks: string[] = [];
  const mebibytes = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;
  const { cpu, memory } = used;
  if (now.memory === undefined) {
    risks.push(`no memory limit: it may take all ${mebibytes(machine.memory_capacity)} of the machine`);
  } else if (now.memory > change.memory) {
    savings.push(
      `memory limit ${mebibytes(now.memory)}, used at most ${mebibytes(memory.max)}: ${mebibytes(now.memory - change.memory)} less will do`,
    );
  } else if (now.memory < change.memory && memory.oomKills === 0) {
    risks.push(
      `memory limit ${mebibytes(now.memory)}, used up to ${mebibytes(memory.max)}: ${mebibytes(Math.max(0, now.memory - memory.max))} are left`,
    );
  }
  if (memory.oomKills > 0)
    risks.push(`killed for lack of memory ${memory.oomKills} times: it needs more than it could use`);
  if (now.cpus === undefined) {
    risks.push(`no CPU limit: it may take all ${machine.num_cores} CPUs of the machine`);
  } else if (now.cpus > change.cpus) {
    savings.push(
      `CPU limit ${round(now.cpus)}, used at most ${round(cpu.max)}: ${round(now.cpus - change.cpus)} CPUs less will do`,
    );
  }
  if (cpu.throttledShare >= MIN_THROTTLED_SHARE) {
    risks.push(
      `throttled in ${Math.round(cpu.throttledShare * 100)} % of its periods: it would use more than it could`,
    );
  }
  return { savings, risks };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Share of the periods in which it was throttled, since its cgroup was made. */
function throttledShare(container: ContainerView): number {
  const periods = latest(container, 'cpu.cfs.periods');
  return periods > 0 ? latest(container, 'cpu.cfs.throttled_periods') / periods : 0;
}

/** OOM kills of the last day, by events and by the container’s counter. */
function kills(agent: AgentView, container: ContainerView): number {
  const newest = agent.events.query({
    containerName: container.name,
    below: true,
    types: new Set(['oom'] as const),
    start: Date.now() * 1000 - DAY_US,
    max: -1,
  });
  return Math.max(newest.length, latest(container, 'oom.kills'));
}

/** A field in the newest sample; 0 when it is not there. */
function latest(container: ContainerView, field: string): number {
  const window = container.samples({ count: 1 });
  if (window.length === 0) return 0;
  const cursor = window.at(0, {} as SampleCursor);
  const index = cursor.layout.indexOf(field);
  return index < 0 ? 0 : cursor.values[cursor.base + index]! || 0;
}

/** The memory limit in bytes; `undefined` when it bounds nothing. */
function boundOf({ memory }: ResourceLimits, capacity: number): number | undefined {
  const limit = finiteLimit(memory.limit);
  return limit !== undefined && capacity > 0 && limit >= capacity ? undefined : limit;
}
