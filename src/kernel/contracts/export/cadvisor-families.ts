import type { FamilyType, Feed, SampledFamily } from './catalogue.js';

const family =
  (type: FamilyType) =>
  (name: string, feeds: string | readonly Feed[], help?: string): SampledFamily => ({
    name: `container_${name}`,
    type,
    feeds: typeof feeds === 'string' ? [{ field: feeds }] : feeds,
    ...(help !== undefined && { help }),
  });

const counter = family('counter');
const gauge = family('gauge');

const quota = (field: string): Feed[] => [{ field, only: 'quota' }];
const state = (field: string, name: string): Feed => ({ field: `tasks.${field}`, fixed: { state: name } });

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

const device = { device: 'device' };
const io = (field: string, operation: string): Feed => ({
  field: `diskio.${field}`,
  labels: device,
  where: { operation },
});
const filesystem = (field: string): Feed => ({ field: `filesystem.${field}`, labels: device });

const DIRECTIONS = [
  ['receive', 'rx'],
  ['transmit', 'tx'],
] as const;

/** What cAdvisor calls the numbers of containers. */
export const CADVISOR_FAMILIES: readonly SampledFamily[] = [
  // CPU time, scheduling, pressure, tasks.
  counter('cpu_user_seconds_total', 'cpu.usage.user'),
  counter('cpu_system_seconds_total', 'cpu.usage.system'),
  counter(
    'cpu_usage_seconds_total',
    [
      { field: 'cpu.usage.per_cpu', print: (cpu) => `cpu${cpu.padStart(2, '0')}`, only: 'nonZero' },
      { field: 'cpu.usage.total', fixed: { cpu: 'total' }, unless: 'cpu.usage.per_cpu', only: 'nonZero' },
    ],
    'CPU time consumed, by CPU where the kernel reports it.',
  ),
  counter('cpu_cfs_periods_total', quota('cpu.cfs.periods')),
  counter('cpu_cfs_throttled_periods_total', quota('cpu.cfs.throttled_periods')),
  counter('cpu_cfs_throttled_seconds_total', quota('cpu.cfs.throttled_time')),
  counter('cpu_cfs_burst_periods_total', quota('cpu.cfs.bursts_periods')),
  counter('cpu_cfs_burst_seconds_total', quota('cpu.cfs.burst_time')),
  counter('cpu_schedstat_run_seconds_total', 'cpu.schedstat.run_time'),
  counter('cpu_schedstat_runqueue_seconds_total', 'cpu.schedstat.runqueue_time'),
  counter('cpu_schedstat_run_periods_total', 'cpu.schedstat.run_periods'),
  gauge('cpu_load_average_10s', 'cpu.load_average'),
  gauge('cpu_load_d_average_10s', 'cpu.load_d_average'),
  gauge(
    'tasks_state',
    [
      state('sleeping', 'sleeping'),
      state('running', 'running'),
      state('stopped', 'stopped'),
      state('uninterruptible', 'uninterruptible'),
      state('io_wait', 'iowaiting'),
    ],
    'Tasks of the container in each state.',
  ),
  ...(['cpu', 'memory', 'io'] as const).flatMap((resource) => [
    counter(`pressure_${resource}_stalled_seconds_total`, `pressure.${resource}.full.total`),
    counter(`pressure_${resource}_waiting_seconds_total`, `pressure.${resource}.some.total`),
  ]),

  // Memory, NUMA, huge pages.
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

  // Block devices, and filesystems. Where both know a device, the container's own numbers win over the device's.
  gauge('fs_limit_bytes', [filesystem('capacity')]),
  gauge('fs_usage_bytes', [filesystem('usage')]),
  gauge('fs_available_bytes', [filesystem('available')]),
  gauge('fs_base_usage_bytes', [filesystem('base_usage')]),
  gauge('fs_inodes_total', [filesystem('inodes')]),
  gauge('fs_inodes_free', [filesystem('inodes_free')]),
  counter('fs_reads_bytes_total', [io('io_service_bytes', 'Read')], 'Bytes read from the device.'),
  counter('fs_writes_bytes_total', [io('io_service_bytes', 'Write')], 'Bytes written to the device.'),
  counter('fs_reads_total', [io('io_serviced', 'Read'), filesystem('reads_completed')], 'Reads carried out.'),
  counter('fs_writes_total', [io('io_serviced', 'Write'), filesystem('writes_completed')], 'Writes carried out.'),
  counter('fs_sector_reads_total', [io('sectors', 'Read'), filesystem('sectors_read')], 'Sectors read.'),
  counter('fs_sector_writes_total', [io('sectors', 'Write'), filesystem('sectors_written')], 'Sectors written.'),
  counter(
    'fs_reads_merged_total',
    [io('io_merged', 'Read'), filesystem('reads_merged')],
    'Reads that were merged into others.',
  ),
  counter(
    'fs_writes_merged_total',
    [io('io_merged', 'Write'), filesystem('writes_merged')],
    'Writes that were merged into others.',
  ),
  counter(
    'fs_read_seconds_total',
    [io('io_service_time', 'Read'), filesystem('read_time')],
    'Time spent reading, summed over requests.',
  ),
  counter(
    'fs_write_seconds_total',
    [io('io_service_time', 'Write'), filesystem('write_time')],
    'Time spent writing, summed over requests.',
  ),
  gauge('fs_io_current', [io('io_queued', 'Total'), filesystem('io_in_progress')], 'Requests under way.'),
  counter(
    'fs_io_time_seconds_total',
    [io('io_service_time', 'Total'), filesystem('io_time')],
    'Time for which the device was busy.',
  ),
  counter('fs_io_time_weighted_seconds_total', [filesystem('weighted_io_time')]),
  ...['usage', 'wait', 'indebt', 'indelay'].map((kind) =>
    counter(`fs_io_cost_${kind}_seconds_total`, [io(`io_cost_${kind}`, 'Count')]),
  ),
  counter('blkio_device_usage_total', 'diskio.io_service_bytes', 'Bytes moved, by device and operation.'),

  // Network interfaces and sockets.
  ...DIRECTIONS.flatMap(([direction, short]) => [
    counter(`network_${direction}_bytes_total`, `network.${short}_bytes`),
    counter(`network_${direction}_packets_total`, `network.${short}_packets`),
    counter(`network_${direction}_packets_dropped_total`, `network.${short}_dropped`),
    counter(`network_${direction}_errors_total`, `network.${short}_errors`),
  ]),
  ...['tcp', 'tcp6'].map((protocol) =>
    gauge(
      `network_${protocol}_usage_total`,
      [{ field: `${protocol}.*`, rest: 'tcp_state' }],
      `Connections over ${protocol === 'tcp' ? 'IPv4' : 'IPv6'}, by state.`,
    ),
  ),
  ...['udp', 'udp6'].map((protocol) =>
    gauge(
      `network_${protocol}_usage_total`,
      [{ field: `${protocol}.*`, rest: 'udp_state' }],
      `Sockets and queued or dropped datagrams over ${protocol === 'udp' ? 'IPv4' : 'IPv6'}.`,
    ),
  ),
  gauge(
    'network_advance_tcp_stats_total',
    [{ field: 'tcp_advanced.*', rest: 'tcp_state' }],
    'Counters of TCP in the network namespace of the container (TcpExt of netstat).',
  ),

  // Processes and their limits, out-of-memory kills.
  gauge('processes', 'processes.process_count'),
  gauge('file_descriptors', 'processes.fd_count'),
  gauge('sockets', 'processes.socket_count'),
  gauge('threads', 'processes.threads_current'),
  gauge('threads_max', 'processes.threads_max'),
  gauge('ulimits_soft', 'processes.ulimit.soft'),
  gauge('ulimits_hard', 'processes.ulimit.hard'),
  counter(
    'oom_events_total',
    'oom.kills',
    'Processes of the container that the kernel killed for lack of memory, earlier runs included.',
  ),
];
