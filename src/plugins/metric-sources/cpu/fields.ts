import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

/** Fields of the `cpu` source. */
export const cpuFields = {
  total: {
    name: 'cpu.usage.total',
    unit: 'nanoseconds',
    kind: 'counter',
    help: 'CPU time consumed by the container and everything below it, on all CPUs together.',
    source: { v1: 'cpuacct.usage', v2: 'cpu.stat: usage_usec × 1000' },
    role: 'cpu-time',
  },
  user: {
    name: 'cpu.usage.user',
    unit: 'nanoseconds',
    kind: 'counter',
    help: 'CPU time spent in user mode. On cgroup v1 the kernel counts it in ticks of 10 ms, so user and system do not add up to the total.',
    source: { v1: 'cpuacct.stat: user × 10 ms', v2: 'cpu.stat: user_usec × 1000' },
  },
  system: {
    name: 'cpu.usage.system',
    unit: 'nanoseconds',
    kind: 'counter',
    help: 'CPU time spent in the kernel on behalf of the container. On cgroup v1 in ticks of 10 ms.',
    source: { v1: 'cpuacct.stat: system × 10 ms', v2: 'cpu.stat: system_usec × 1000' },
  },
  periods: {
    name: 'cpu.cfs.periods',
    unit: 'count',
    kind: 'counter',
    help: 'Enforcement periods of the CPU quota in which the container wanted to run; 0 without a quota.',
    source: { v1: 'cpu.stat: nr_periods', v2: 'cpu.stat: nr_periods' },
  },
  throttledPeriods: {
    name: 'cpu.cfs.throttled_periods',
    unit: 'count',
    kind: 'counter',
    help: 'Periods in which the container used up its CPU quota and was held back.',
    source: { v1: 'cpu.stat: nr_throttled', v2: 'cpu.stat: nr_throttled' },
  },
  throttledTime: {
    name: 'cpu.cfs.throttled_time',
    unit: 'nanoseconds',
    kind: 'counter',
    help: 'Time for which the container was held back by its CPU quota, summed over CPUs.',
    source: { v1: 'cpu.stat: throttled_time', v2: 'cpu.stat: throttled_usec × 1000' },
  },
  burstsPeriods: {
    name: 'cpu.cfs.bursts_periods',
    unit: 'count',
    kind: 'counter',
    help: 'Periods in which the container ran on quota saved up earlier (cpu.max.burst, cpu.cfs_burst_us).',
    source: { v1: 'cpu.stat: nr_bursts', v2: 'cpu.stat: nr_bursts' },
  },
  burstTime: {
    name: 'cpu.cfs.burst_time',
    unit: 'nanoseconds',
    kind: 'counter',
    help: 'CPU time consumed beyond the quota of the period, out of quota saved up earlier.',
    source: { v1: 'cpu.stat: burst_time', v2: 'cpu.stat: burst_usec × 1000' },
  },
} as const satisfies Record<string, FieldDescriptor>;
