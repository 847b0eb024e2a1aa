import { z } from '../../../kernel/contracts/index.js';
import * as keys from '../sections/keys.js';
import { i64, numbers, optionalNumbers, shapeOf, time, u64 } from './numbers.js';

const stalls = z.strictObject({ total: u64, ...shapeOf(keys.PRESSURE_AVERAGES, z.number()) });

export const pressure = z
  .strictObject({ full: stalls, some: stalls })
  .meta({ id: 'Pressure', description: 'Pressure stall information: total in µs, averages in percent.' });

export const cpu = z
  .strictObject({
    usage: z
      .strictObject({ ...numbers(['total', 'user', 'system']), per_cpu_usage: z.array(u64).optional() })
      .describe('ns'),
    cfs: z.strictObject(numbers(keys.CFS_KEYS)),
    schedstat: z.strictObject(numbers(keys.SCHEDSTAT_KEYS)),
    load_average: u64.describe('runnable tasks × 1000'),
    load_d_average: u64.describe('uninterruptible tasks × 1000'),
    psi: pressure,
  })
  .meta({ id: 'CpuStats' });

const ioTable = z.array(
  z
    .strictObject({ device: z.string(), major: u64, minor: u64, stats: z.record(z.string(), u64) })
    .meta({ id: 'DeviceIo', description: 'Numbers of one device, by operation.' }),
);

export const diskIo = z
  .strictObject({ ...shapeOf(keys.IO_TABLES, ioTable.optional()), psi: pressure })
  .meta({ id: 'DiskIoStats' });

const faults = z.strictObject({
  ...numbers(keys.FAULTS),
  numa_stats: z.strictObject(shapeOf(keys.PAGE_KINDS, z.record(z.string(), u64).optional())),
});

export const memory = z
  .strictObject({
    ...numbers(keys.MEMORY_KEYS),
    container_data: faults,
    hierarchical_data: faults,
    psi: pressure,
    events: z.strictObject(numbers(keys.MEMORY_EVENTS)),
  })
  .meta({ id: 'MemoryStats', description: 'Bytes; `failcnt`, faults and events are counts.' });

const interfaceShape = { name: z.string(), ...numbers(keys.INTERFACE_COUNTERS) };
const networkShape = {
  interfaces: z.array(z.strictObject(interfaceShape).meta({ id: 'InterfaceStats' })).optional(),
  tcp: z.strictObject(numbers(keys.TCP_STATES)),
  tcp6: z.strictObject(numbers(keys.TCP_STATES)),
  udp: z.strictObject(numbers(keys.UDP_NUMBERS)),
  udp6: z.strictObject(numbers(keys.UDP_NUMBERS)),
  tcp_advanced: z.strictObject({ ...numbers(keys.TCP_ADVANCED), MaxConn: i64 }),
};

/** The network of v2. */
export const network = z.strictObject(networkShape).meta({ id: 'NetworkStats' });
const networkWithPrimary = z
  .strictObject({ ...interfaceShape, ...networkShape })
  .meta({ id: 'NetworkStatsWithPrimary', description: 'The primary interface inline, then all of them.' });

export const filesystem = z
  .strictObject({
    device: z.string().optional(),
    type: z.string(),
    ...numbers(['capacity', 'usage', 'base_usage', 'available', 'inodes', 'inodes_free']),
    has_inodes: z.boolean(),
    ...optionalNumbers(keys.DISK_COUNTERS),
  })
  .meta({ id: 'FilesystemStats', description: 'Bytes; times in ms.' });

export const taskStates = z.strictObject(numbers(keys.TASKS.map(([key]) => key))).meta({ id: 'TaskStates' });

export const processes = z
  .strictObject({
    ...numbers(keys.PROCESS_KEYS),
    ...optionalNumbers(['threads_current', 'threads_max']),
    ulimits: z.array(z.strictObject({ name: z.string(), soft_limit: i64, hard_limit: i64 })).optional(),
  })
  .meta({ id: 'ProcessStats' });

export const hugetlb = z
  .record(z.string(), z.strictObject({ ...optionalNumbers(['usage', 'max_usage']), ...numbers(['failcnt']) }))
  .meta({ id: 'HugetlbStats', description: 'By page size.' });

export const resctrl = z
  .strictObject({
    memory_bandwidth: z.array(z.strictObject(numbers(['mbm_total_bytes', 'mbm_local_bytes']))).optional(),
    cache: z.array(z.strictObject(numbers(['llc_occupancy']))).optional(),
  })
  .meta({ id: 'ResctrlStats', description: 'Memory bandwidth and last-level cache by domain; bytes.' });

const pointShape = {
  labels: z.record(z.string(), z.string()).optional(),
  timestamp: time,
  int_value: i64.optional(),
  float_value: z.number().optional(),
};
export const customValue = z.strictObject(pointShape).meta({ id: 'CustomMetricPoint' });
export const customMetrics = z
  .record(z.string(), z.array(z.strictObject({ label: z.string().optional(), ...pointShape })))
  .meta({ id: 'CustomMetrics', description: 'Values of the application’s metrics, by name.' });

export const otherFields = z
  .record(
    z.string(),
    z.union([z.number(), z.array(z.strictObject({ labels: z.record(z.string(), z.string()), value: z.number() }))]),
  )
  .meta({
    id: 'OtherFields',
    description:
      'Fields of metric sources that have no key of their own, by name, in the unit of the field; those with dimensions as a list of values with their labels.',
  });

export const containerStats = z
  .strictObject({
    timestamp: time,
    cpu,
    diskio: diskIo,
    memory,
    hugetlb: hugetlb.optional(),
    network: networkWithPrimary.optional(),
    filesystem: z.array(filesystem).optional(),
    task_stats: taskStates,
    processes: processes.optional(),
    custom_metrics: customMetrics.optional(),
    referenced_memory: u64.optional(),
    resctrl,
    cpuset: z.strictObject(numbers(['memory_migrate'])),
    oom_events: u64.optional(),
    health: z.strictObject({ status: z.enum(['', 'starting', 'healthy', 'unhealthy']) }).describe('empty: no check'),
    fields: otherFields.optional(),
  })
  .meta({ id: 'ContainerStats', description: 'One sample of a container.' });
