import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

/** Fields of the `referenced_memory` source. */
export const referencedFields = {
  referenced: {
    name: 'memory.referenced',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Memory that the processes of this cgroup touched since their marks were last cleared; shared pages count in each.',
    source: { any: '/proc/<pid>/smaps_rollup: Referenced, summed' },
  },
} as const satisfies Record<string, FieldDescriptor>;
