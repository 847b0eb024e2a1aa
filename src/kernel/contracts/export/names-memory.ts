import { counter, type Feed, gauge, type SampledFamily } from './catalogue.js';

const SCOPES = [
  ['container', 'container'],
  ['hierarchical', 'hierarchy'],
] as const;

const failures: Feed[] = SCOPES.flatMap(([part, scope]) =>
  ['pgfault', 'pgmajfault'].map((failure_type) => ({
    field: `memory.${part}.${failure_type}`,
    fixed: { failure_type, scope },
  })),
);

const numa: Feed[] = SCOPES.flatMap(([part, scope]) =>
  ['file', 'anon', 'unevictable'].map((type) => ({
    field: `memory.numa.${part}.${type}`,
    labels: { node: 'node' },
    fixed: { type, scope },
  })),
);

/** Memory, NUMA, huge pages. */
export const memoryFamilies: readonly SampledFamily[] = [
  gauge('memory_usage_bytes', 'memory.usage'),
  gauge('memory_max_usage_bytes', 'memory.max_usage'),
  gauge('memory_working_set_bytes', 'memory.working_set'),
  gauge('memory_cache', 'memory.cache'),
  gauge('memory_rss', 'memory.rss'),
  gauge('memory_mapped_file', 'memory.mapped_file'),
  gauge('memory_swap', 'memory.swap'),
  counter('memory_failcnt', 'memory.failcnt'),
  counter('memory_failures_total', failures, 'Page faults, by kind and by whether those of the cgroups below count.'),
  gauge('memory_kernel_usage', 'memory.kernel'),
  gauge('memory_total_active_file_bytes', 'memory.total_active_file'),
  gauge('memory_total_inactive_file_bytes', 'memory.total_inactive_file'),
  gauge('memory_file_dirty_bytes', 'memory.file_dirty'),
  gauge('memory_file_writeback_bytes', 'memory.file_writeback'),
  counter('memory_events_high_total', 'memory.events.high'),
  counter('memory_events_max_total', 'memory.events.max'),
  counter('memory_pgscan_total', 'memory.pgscan'),
  counter('memory_pgsteal_total', 'memory.pgsteal'),
  counter('memory_workingset_refault_file_total', 'memory.workingset_refault_file'),
  counter('memory_workingset_refault_anon_total', 'memory.workingset_refault_anon'),
  gauge('referenced_bytes', 'memory.referenced'),
  gauge('llc_occupancy_bytes', 'resctrl.llc_occupancy'),
  gauge('memory_bandwidth_bytes', 'resctrl.memory_bandwidth.total'),
  gauge('memory_bandwidth_local_bytes', 'resctrl.memory_bandwidth.local'),
  gauge('memory_migrate', 'cpuset.memory_migrate'),
  gauge('memory_numa_pages', numa, 'Pages in use, by kind of page, NUMA node and scope.'),
  gauge('hugetlb_usage_bytes', 'hugetlb.usage'),
  gauge('hugetlb_max_usage_bytes', 'hugetlb.max_usage'),
  counter('hugetlb_failcnt', 'hugetlb.failcnt'),
];
