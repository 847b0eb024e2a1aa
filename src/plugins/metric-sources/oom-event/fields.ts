import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

/** Fields of the `oom_event` source. */
export const oomFields = {
  kills: {
    name: 'oom.kills',
    unit: 'count',
    kind: 'counter',
    help: 'Processes of the container that the kernel killed for lack of memory; on cgroup v2 also those below it.',
    source: { v1: 'memory.oom_control: oom_kill (Linux 4.13)', v2: 'memory.events: oom_kill (Linux 4.13)' },
    role: 'oom-kills',
  },
} as const satisfies Record<string, FieldDescriptor>;
