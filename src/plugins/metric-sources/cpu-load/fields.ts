import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

const source = {
  v1: 'tasks of the cpu hierarchy: states in /proc/<tid>/stat',
  v2: 'cgroup.threads: states in /proc/<tid>/stat',
};

const tasks = (name: string, help: string): FieldDescriptor => ({
  name: `tasks.${name}`,
  unit: 'tasks',
  kind: 'gauge',
  help,
  source,
});

/** Fields of the `cpuLoad` source. */
export const cpuLoadFields = {
  loadAverage: {
    name: 'cpu.load_average',
    unit: 'count',
    kind: 'gauge',
    help: 'Tasks that run or are ready to run, smoothed over about 10 seconds, times 1000. Tasks of this cgroup only.',
    source,
  },
  loadDAverage: {
    name: 'cpu.load_d_average',
    unit: 'count',
    kind: 'gauge',
    help: 'Tasks in uninterruptible sleep, smoothed over about 10 seconds, times 1000. Tasks of this cgroup only.',
    source,
  },
  sleeping: tasks('sleeping', 'Tasks that sleep and can be woken by a signal (state S).'),
  running: tasks('running', 'Tasks that run or are ready to run (state R).'),
  stopped: tasks('stopped', 'Tasks that were stopped, by a signal or a debugger (states T and t).'),
  uninterruptible: tasks(
    'uninterruptible',
    'Tasks that wait and cannot be woken by a signal, mostly for disks (state D).',
  ),
} as const satisfies Record<string, FieldDescriptor>;
