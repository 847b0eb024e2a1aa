import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

/** Fields of the `cpuset` source. */
export const cpusetFields = {
  memoryMigrate: {
    name: 'cpuset.memory_migrate',
    unit: 'count',
    kind: 'gauge',
    help: '1 when pages follow the container to the nodes it is moved to, else 0.',
    source: { v1: 'cpuset.memory_migrate' },
  },
} as const satisfies Record<string, FieldDescriptor>;
