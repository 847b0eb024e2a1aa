import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

const dimensions = ['pagesize'];

/** Fields of the `hugetlb` source. */
export const hugetlbFields = {
  usage: {
    name: 'hugetlb.usage',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Huge pages of this size in use.',
    source: { v1: 'hugetlb.<size>.usage_in_bytes', v2: 'hugetlb.<size>.current' },
    dimensions,
  },
  maxUsage: {
    name: 'hugetlb.max_usage',
    unit: 'bytes',
    kind: 'gauge',
    help: 'The most huge pages of this size that were in use at a time.',
    source: { v1: 'hugetlb.<size>.max_usage_in_bytes' },
    dimensions,
  },
  failcnt: {
    name: 'hugetlb.failcnt',
    unit: 'count',
    kind: 'counter',
    help: 'How often the limit on huge pages of this size was hit.',
    source: { v1: 'hugetlb.<size>.failcnt', v2: 'hugetlb.<size>.events: max' },
    dimensions,
  },
} as const satisfies Record<string, FieldDescriptor>;
