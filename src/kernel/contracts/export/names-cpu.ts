import { counter, type Feed, gauge, type SampledFamily } from './catalogue.js';

const quota = (field: string): Feed[] => [{ field, only: 'quota' }];
const state = (field: string, name: string): Feed => ({ field: `tasks.${field}`, fixed: { state: name } });

/** CPU time, scheduling, pressure, tasks. */
export const cpuFamilies: readonly SampledFamily[] = [
  counter('cpu_user_seconds_total', 'cpu.usage.user'),
  counter('cpu_system_seconds_total', 'cpu.usage.system'),
  counter(
    'cpu_usage_seconds_total',
    [
      { field: 'cpu.usage.per_cpu', print: (cpu) => `cpu${cpu.padStart(2, '0')}`, only: 'nonZero' },
      { field: 'cpu.usage.total', fixed: { cpu: 'total' }, unless: 'cpu.usage.per_cpu', only: 'nonZero' },
    ],
    'CPU time consumed, by CPU where the kernel reports it.',
  ),
  counter('cpu_cfs_periods_total', quota('cpu.cfs.periods')),
  counter('cpu_cfs_throttled_periods_total', quota('cpu.cfs.throttled_periods')),
  counter('cpu_cfs_throttled_seconds_total', quota('cpu.cfs.throttled_time')),
  counter('cpu_cfs_burst_periods_total', quota('cpu.cfs.bursts_periods')),
  counter('cpu_cfs_burst_seconds_total', quota('cpu.cfs.burst_time')),
  counter('cpu_schedstat_run_seconds_total', 'cpu.schedstat.run_time'),
  counter('cpu_schedstat_runqueue_seconds_total', 'cpu.schedstat.runqueue_time'),
  counter('cpu_schedstat_run_periods_total', 'cpu.schedstat.run_periods'),
  gauge('cpu_load_average_10s', 'cpu.load_average'),
  gauge('cpu_load_d_average_10s', 'cpu.load_d_average'),
  gauge(
    'tasks_state',
    [
      state('sleeping', 'sleeping'),
      state('running', 'running'),
      state('stopped', 'stopped'),
      state('uninterruptible', 'uninterruptible'),
      state('io_wait', 'iowaiting'),
    ],
    'Tasks of the container in each state.',
  ),
  ...(['cpu', 'memory', 'io'] as const).flatMap((resource) => [
    counter(`pressure_${resource}_stalled_seconds_total`, `pressure.${resource}.full.total`),
    counter(`pressure_${resource}_waiting_seconds_total`, `pressure.${resource}.some.total`),
  ]),
];
