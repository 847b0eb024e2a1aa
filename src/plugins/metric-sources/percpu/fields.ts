import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

/** Fields of the `percpu` source. */
export const percpuFields = {
  perCpu: {
    name: 'cpu.usage.per_cpu',
    unit: 'nanoseconds',
    kind: 'counter',
    help: 'CPU time consumed by the container and everything below it, by logical CPU.',
    source: { v1: 'cpuacct.usage_percpu' },
    dimensions: ['cpu'],
  },
} as const satisfies Record<string, FieldDescriptor>;
