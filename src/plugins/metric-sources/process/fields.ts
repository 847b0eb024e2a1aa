import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

const gauge = (
  name: string,
  unit: FieldDescriptor['unit'],
  help: string,
  source: FieldDescriptor['source'],
  dimensions?: readonly string[],
): FieldDescriptor => ({
  name: `processes.${name}`,
  unit,
  kind: 'gauge',
  help,
  source,
  ...(dimensions !== undefined && { dimensions }),
});

export const processFields = {
  processCount: gauge('process_count', 'count', 'Processes of this cgroup, without those below it.', {
    any: 'cgroup.procs: number of lines',
  }),
  fdCount: gauge('fd_count', 'count', 'Files that these processes have open.', {
    any: '/proc/<pid>/fd: number of entries, summed',
  }),
  socketCount: gauge('socket_count', 'count', 'Open files of these processes that are sockets.', {
    any: '/proc/<pid>/fd: entries that link to a socket, summed',
  }),
  threadsCurrent: gauge('threads_current', 'tasks', 'Threads of the container and everything below it.', {
    v1: 'pids.current',
    v2: 'pids.current; without the pids controller cgroup.threads: number of lines (this cgroup only)',
  }),
  threadsMax: gauge('threads_max', 'tasks', 'Most threads that are allowed, 0 for no limit.', {
    any: 'pids.max',
  }),
  ulimitSoft: gauge(
    'ulimit.soft',
    'count',
    'Limit of the first process which it may raise itself, −1 for none.',
    { any: '/proc/<pid>/limits: Max open files, soft limit' },
    ['ulimit'],
  ),
  ulimitHard: gauge(
    'ulimit.hard',
    'count',
    'Limit of the first process up to which it may raise the soft one, −1 for none.',
    { any: '/proc/<pid>/limits: Max open files, hard limit' },
    ['ulimit'],
  ),
};
