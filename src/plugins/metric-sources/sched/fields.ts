import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

/** Fields of the `sched` source, in the order of the words of `/proc/<pid>/schedstat`. */
export const schedFields = {
  runTime: {
    name: 'cpu.schedstat.run_time',
    unit: 'nanoseconds',
    kind: 'counter',
    help: 'Time that the main threads of the container’s processes, and of those below it, ran on a CPU.',
    source: { any: '/proc/<pid>/schedstat: first number, summed' },
  },
  runqueueTime: {
    name: 'cpu.schedstat.runqueue_time',
    unit: 'nanoseconds',
    kind: 'counter',
    help: 'Time that they were ready to run and waited for a CPU.',
    source: { any: '/proc/<pid>/schedstat: second number, summed' },
  },
  runPeriods: {
    name: 'cpu.schedstat.run_periods',
    unit: 'count',
    kind: 'counter',
    help: 'How often they were put on a CPU.',
    source: { any: '/proc/<pid>/schedstat: third number, summed' },
  },
} as const satisfies Record<string, FieldDescriptor>;
