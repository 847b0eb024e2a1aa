import {
  type AgentView,
  type ContainerView,
  findContainer,
  limitLines,
  limitSnippets,
  type MachineInfo,
  notFound,
  type ResourceLimits,
  type SampleCursor,
} from '../../../kernel/contracts/index.js';
import { coresLimit, finiteLimit } from '../common/index.js';
import type { Advice } from './schema.js';

/** Less data than this is no basis for advice, minutes. */
const MIN_MINUTES = 10;
const MINUTES_PER_HOUR = 60;
const MEDIUM_FROM = 6 * MINUTES_PER_HOUR;
const HIGH_FROM = 23 * MINUTES_PER_HOUR;

/** Added to what was used. */
const MARGINS = { request: 0.1, limit: 0.2 } as const;
/** What a container that was held back or killed gets above the limit that did it. */
const HELD_BACK_FACTOR = 1.5;
const MIN_THROTTLED_SHARE = 0.05;
const MIN_CPUS = 0.05;
const CPU_STEP = 0.05;
const MIB = 2 ** 20;
const MIN_MEMORY = 16 * MIB;
const DAY_US = 86_400_000_000;

/** The answer about one container. @throws RequestError when there is none that runs, or several fit */
export function containerAnswer(agent: AgentView, text: string) {
  const { name } = findContainer(agent, text);
  const container = agent.container(name);
  if (container === undefined) throw notFound(`${name} does not run: advice is made from what a container uses`);
  if (name === '/') throw notFound('the machine has no limits: name a container');
  return answerFor(agent, container);
}

/** The answer about the host: containers without others below them, those with the most to change first. */
export function hostAnswer(agent: AgentView) {
  const answers = agent
    .containers()
    .filter((container) => container.name !== '/' && container.children().length === 0)
    .map((container) => answerFor(agent, container));
  return {
    containers: answers.filter((answer) => 'advice' in answer).sort((a, b) => weightOf(b) - weightOf(a)),
    without_advice: answers.filter((answer) => !('advice' in answer)),
  };
}

function answerFor(agent: AgentView, container: ContainerView) {
  const { name, description } = container;
  const about = { container: { name, aliases: description.aliases } };
  const found = adviceFor(agent, container);
  if (typeof found === 'string') return { ...about, reason: found };
  const { cpu_limit: cpus, cpu_request, memory_limit_bytes: memory, memory_request_bytes } = found.advice;
  const change = { cpus, cpuRequest: cpu_request, memory, memoryRequest: memory_request_bytes };
  const lines = limitLines(container, change, container.limits().cgroupVersion);
  return { ...about, ...found, lines: [...lines, ...limitSnippets(container, change)] };
}

/** How much a change matters: by how much of it there is too much or too little. */
function weightOf({ now, advice, risks, savings }: Pick<Advice, 'now' | 'advice' | 'risks' | 'savings'>): number {
  const distance = (limit: number | null, advised: number) =>
    limit === null ? 0 : Math.abs(Math.log2(limit / advised));
  const memory = distance(now.memory_limit_bytes, advice.memory_limit_bytes);
  return memory + distance(now.cpu_limit, advice.cpu_limit) + risks.length + savings.length / 2;
}

/** @returns the advice, or the reason why there is none */
function adviceFor(agent: AgentView, container: ContainerView): Omit<Advice, 'container' | 'lines'> | string {
  const day = container.summary()?.day;
  if (day === undefined) return 'the container has neither CPU nor memory';
  const minutes = Math.min(day.cpu.count, day.memory.count);
  if (minutes < MIN_MINUTES) return `only ${minutes} min of data: ask again in ${MIN_MINUTES - minutes} min`;
  // Percentiles of the minutes' 90th percentiles, and the highest peak.
  const { cpu, memory } = day;
  const used = {
    cpu: {
      p50_cpus: cpu.fifty / 1000,
      p95_cpus: cpu.ninetyfive / 1000,
      max_cpus: cpu.max / 1000,
      throttled_share: throttledShare(container),
    },
    memory: {
      p50_bytes: memory.fifty,
      p95_bytes: memory.ninetyfive,
      max_bytes: memory.max,
      cache_bytes: latest(container, 'memory.cache'),
      oom_kills: kills(agent, container),
    },
  };
  const machine = agent.host.machine();
  const now = limitsOf(container.limits(), machine);
  const advice = limitsFor(used, now, machine);
  const confidence = minutes >= HIGH_FROM ? 'high' : minutes >= MEDIUM_FROM ? 'medium' : 'low';
  return {
    data: { minutes, text: dataText(minutes), confidence },
    used,
    now,
    advice: { ...advice, margin: MARGINS },
    ...consequences(used, now, advice, machine),
  };
}

type Machine = Pick<MachineInfo, 'num_cores' | 'memory_capacity'>;

/** The limits that it has; null: none, or one that bounds nothing. */
function limitsOf(limits: ResourceLimits, { memory_capacity: capacity }: Machine): Advice['now'] {
  const memory = finiteLimit(limits.memory.limit);
  const isBound = memory !== undefined && !(capacity > 0 && memory >= capacity);
  return { cpu_limit: coresLimit(limits) ?? null, memory_limit_bytes: isBound ? memory : null };
}

/** `6.2 h of data` */
function dataText(minutes: number): string {
  return minutes < 60 ? `${minutes} min of data` : `${Math.round(minutes / 6) / 10} h of data`;
}

function limitsFor({ cpu, memory }: Advice['used'], now: Advice['now'], { num_cores, memory_capacity }: Machine) {
  // What it would have used without its quota, or before it was killed, is not known.
  const heldBack = cpu.throttled_share >= MIN_THROTTLED_SHARE ? (now.cpu_limit ?? 0) * HELD_BACK_FACTOR : 0;
  const killedAt = memory.oom_kills > 0 ? (now.memory_limit_bytes ?? 0) * HELD_BACK_FACTOR : 0;
  const cpus = upTo(Math.max(cpu.max_cpus * (1 + MARGINS.limit), heldBack), CPU_STEP, MIN_CPUS);
  const bytes = upTo(Math.max(memory.max_bytes * (1 + MARGINS.limit), killedAt), MIB, MIN_MEMORY);
  const cpu_limit = Math.min(num_cores, cpus);
  return {
    cpu_request: Math.min(cpu_limit, upTo(cpu.p95_cpus * (1 + MARGINS.request), 0.01, 0.01)),
    cpu_limit,
    memory_request_bytes: Math.min(bytes, upTo(memory.p95_bytes * (1 + MARGINS.request), MIB, MIB)),
    memory_limit_bytes: Math.min(memory_capacity || Number.MAX_SAFE_INTEGER, bytes),
  };
}

/** Rounded up to a multiple of `step`, at least `least`. */
function upTo(value: number, step: number, least: number): number {
  const steps = Math.ceil(Number((value / step).toFixed(6)));
  return Math.max(least, Number((steps * step).toFixed(2)));
}

/** What following the advice gives back, and what not following it risks. */
function consequences(
  { cpu, memory }: Advice['used'],
  { cpu_limit: cpus, memory_limit_bytes: bytes }: Advice['now'],
  advice: ReturnType<typeof limitsFor>,
  machine: Machine,
): Pick<Advice, 'savings' | 'risks'> {
  const savings: string[] = [];
  const risks: string[] = [];
  const mebibytes = (size: number) => `${Math.round(size / MIB)} MiB`;
  if (bytes === null) {
    risks.push(`no memory limit: it may take all ${mebibytes(machine.memory_capacity)} of the machine`);
  } else if (bytes > advice.memory_limit_bytes) {
    const spare = mebibytes(bytes - advice.memory_limit_bytes);
    savings.push(
      `memory limit ${mebibytes(bytes)}, used at most ${mebibytes(memory.max_bytes)}: ${spare} less will do`,
    );
  } else if (bytes < advice.memory_limit_bytes && memory.oom_kills === 0) {
    const left = mebibytes(Math.max(0, bytes - memory.max_bytes));
    risks.push(`memory limit ${mebibytes(bytes)}, used up to ${mebibytes(memory.max_bytes)}: ${left} are left`);
  }
  if (memory.oom_kills > 0)
    risks.push(`killed for lack of memory ${memory.oom_kills} times: it needs more than it could use`);
  if (cpus === null) {
    risks.push(`no CPU limit: it may take all ${machine.num_cores} CPUs of the machine`);
  } else if (cpus > advice.cpu_limit) {
    const spare = round(cpus - advice.cpu_limit);
    savings.push(`CPU limit ${round(cpus)}, used at most ${round(cpu.max_cpus)}: ${spare} CPUs less will do`);
  }
  if (cpu.throttled_share >= MIN_THROTTLED_SHARE) {
    const share = Math.round(cpu.throttled_share * 100);
    risks.push(`throttled in ${share} % of its periods: it would use more than it could`);
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
