import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

/** Fields of the `resctrl` source, by the file that has the number. */
export const resctrlFields = {
  llc_occupancy: {
    name: 'resctrl.llc_occupancy',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Last-level cache that the container occupies.',
    source: { any: 'mon_data/mon_L3_<n>/llc_occupancy' },
    dimensions: ['node_id'],
  },
  mbm_total_bytes: {
    name: 'resctrl.memory_bandwidth.total',
    unit: 'bytes',
    kind: 'counter',
    help: 'Bytes that the container moved between this cache and memory.',
    source: { any: 'mon_data/mon_L3_<n>/mbm_total_bytes' },
    dimensions: ['node_id'],
  },
  mbm_local_bytes: {
    name: 'resctrl.memory_bandwidth.local',
    unit: 'bytes',
    kind: 'counter',
    help: 'Bytes of it that were moved to and from memory of the same node.',
    source: { any: 'mon_data/mon_L3_<n>/mbm_local_bytes' },
    dimensions: ['node_id'],
  },
} as const satisfies Record<string, FieldDescriptor>;
