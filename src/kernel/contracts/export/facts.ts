import type { Limit, ResourceLimits } from '../agent-view.js';
import { type ContainerDescription, type ContainerState, startTime } from '../container.js';
import type { Families, FamilyType, Label, MetricFamily } from './catalogue.js';

/** What facts are made from. */
export interface FactSource {
  readonly description: ContainerDescription;
  /** Absent for a container that has ended. */
  readonly limits?: ResourceLimits;
  /** µs since the epoch; 0 or absent: unknown. */
  readonly createdAt?: number;
}

/** A series that changes only with the container's description or limits. */
export interface FactSeries<F extends MetricFamily = MetricFamily> {
  readonly family: F;
  /** Label besides the container's own. */
  readonly label?: Label | undefined;
  readonly value: number | bigint;
}

type Value = number | bigint | undefined;

interface Fact {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
  /** `undefined`: the container has no such series. */
  readonly value: (source: FactSource) => Value | readonly (readonly [label: Label, value: number])[];
}

const STATES: readonly ContainerState['status'][] = ['created', 'running', 'paused', 'restarting', 'exited', 'dead'];
/** From here on a memory limit is none (cAdvisor's rule). */
const NO_LIMIT = 2n ** 62n;

const fact = (name: string, help: string, value: Fact['value'], type: FamilyType = 'gauge'): Fact => ({
  name: `container_${name}`,
  type,
  help,
  value,
});

/** Limits and creation of a container, under cAdvisor's names. */
const SPEC: readonly Fact[] = [
  fact(
    'start_time_seconds',
    'When the container started, or when it was made if that is not known; seconds since the epoch.',
    ({ description, limits, createdAt = 0 }) => limits && seconds(startTime(description, createdAt, limits.createdAt)),
  ),
  fact('creation_time_seconds', 'When the container was made, seconds since the epoch.', ({ createdAt }) =>
    seconds(createdAt),
  ),
  fact('spec_cpu_period', 'Length of an enforcement period of the CPU quota, µs.', ({ limits }) => limits?.cpu.period),
  fact('spec_cpu_quota', 'CPU time that the container may use per period, µs.', ({ limits }) => limits?.cpu.quota),
  fact('spec_cpu_shares', 'Weight of the container when CPU time is short.', ({ limits }) =>
    limits?.hasCpu ? limits.cpu.limit : undefined,
  ),
  memoryLimit('spec_memory_limit_bytes', 'Memory that the container may use; 0: no limit.', 'limit'),
  memoryLimit('spec_memory_swap_limit_bytes', 'Swap limit as the kernel has it; 0: no limit.', 'swapLimit'),
  memoryLimit('spec_memory_reservation_limit_bytes', 'Memory that is kept for the container; 0: none.', 'reservation'),
  fact('health_state', 'Health check: 1 healthy, 0 starting or unhealthy, -1 no check.', ({ description }) => {
    const { health } = description.state;
    if (health === undefined) return -1;
    return health.status === 'healthy' ? 1 : 0;
  }),
];

/** Names of the metrics that every container has, whoever made it. */
export const SPEC_NAMES: readonly string[] = SPEC.map(({ name }) => name);

/** What a runtime says of a container. A raw cgroup has no such state. */
const STATE: readonly Fact[] = [
  fact('state', 'The container is in the state of the label (1) or not (0).', ({ description }) =>
    STATES.map((status) => [['state', status], description.state.status === status ? 1 : 0] as const),
  ),
  fact(
    'health_failing_streak',
    'Health checks that failed in a row.',
    ({ description }) => description.state.health?.failingStreak,
  ),
  fact(
    'restarts_total',
    'Restarts by the runtime’s restart policy.',
    ({ description }) => description.restartCount,
    'counter',
  ),
  fact('exit_code', 'Exit code of the last run that ended.', ({ description }) => description.state.exitCode),
  fact(
    'exit_reason_info',
    'Why the last run ended, in the word of its runtime; always 1.',
    ({ description: { state } }) => (state.reason === undefined ? undefined : [[['reason', state.reason], 1]]),
  ),
  fact('oom_killed', 'The kernel killed the last run that ended for lack of memory (1) or not (0).', (source) => {
    const { oomKilled } = source.description.state;
    return oomKilled === undefined ? undefined : Number(oomKilled);
  }),
  fact('finished_time_seconds', 'When the last run ended, seconds since the epoch.', ({ description }) =>
    seconds(description.state.finishedAt),
  ),
  fact('image_info', 'The image that the container runs, by its id; always 1.', ({ description: { imageId } }) =>
    imageId === undefined ? undefined : [[['image_id', imageId], 1]],
  ),
];

/** The facts of a container. */
export function factsOf<F extends MetricFamily>(source: FactSource, families: Families<F>): readonly FactSeries<F>[] {
  const facts = source.description.namespace === undefined ? SPEC : [...SPEC, ...STATE];
  const series: FactSeries<F>[] = [];
  for (const { name, type, help, value } of facts) {
    const values = value(source);
    if (values === undefined) continue;
    const family = families.take(name, type, help);
    if (family === undefined) continue;
    if (typeof values !== 'object') series.push({ family, value: values });
    else for (const [label, one] of values) series.push({ family, label, value: one });
  }
  return series;
}

function memoryLimit(name: string, help: string, limit: 'limit' | 'swapLimit' | 'reservation'): Fact {
  return fact(name, help, ({ limits }) => (limits?.hasMemory ? shownLimit(limits.memory[limit]) : undefined));
}

function shownLimit(limit: Limit | undefined): bigint {
  return limit === undefined || limit === 'unlimited' || limit > NO_LIMIT ? 0n : limit;
}

function seconds(micros = 0): number | undefined {
  return micros > 0 ? Math.floor(micros / 1e6) : undefined;
}
