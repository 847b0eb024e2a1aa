import { z } from '../../kernel/contracts/index.js';
import { i64, machineShape, numbers, parts, specShape, time, u64 } from '../v1.0/schema/index.js';

export const attributes = z
  .strictObject({
    kernel_version: z.string(),
    container_os_version: z.string(),
    docker_version: z.string(),
    docker_api_version: z.string(),
    cadvisor_version: z.string(),
    ...machineShape,
  })
  .meta({ id: 'Attributes', description: 'Versions, and the host.' });

export const containerSpecV2 = z
  .strictObject({ aliases: z.array(z.string()).optional(), namespace: z.string().optional(), ...specShape })
  .meta({ id: 'ContainerSpecV2', description: 'What a container is, and its limits.' });

export const cpuInst = z
  .strictObject({
    usage: z.strictObject({ ...numbers(['total', 'user', 'system']), per_cpu_usage: z.array(u64).optional() }),
  })
  .meta({ id: 'CpuInstStats', description: 'CPU use since the sample before, in nanocores.' });

export const flatSampleSchema = z
  .strictObject({
    timestamp: time,
    has_cpu: z.boolean(),
    cpu: parts.cpu,
    cpu_inst: cpuInst.optional(),
    has_diskio: z.boolean(),
    diskio: parts.diskIo,
    has_memory: z.boolean(),
    memory: parts.memory,
    has_hugetlb: z.boolean(),
    hugetlb: parts.hugetlb.optional(),
    has_network: z.boolean(),
    network: parts.network,
    has_processes: z.boolean(),
    processes: parts.processes,
    has_filesystem: z.boolean(),
    filesystem: z.array(parts.filesystem).optional(),
    has_load: z.boolean(),
    load_stats: parts.taskStates,
    has_custom_metrics: z.boolean(),
    custom_metrics: parts.customMetrics.optional(),
    referenced_memory: u64.optional(),
    resctrl: parts.resctrl,
    fields: parts.otherFields.optional(),
  })
  .meta({ id: 'ContainerStatsV2', description: 'One sample of a container; what it lacks is zero.' });

const percentiles = z
  .strictObject({
    present: z.boolean(),
    ...numbers(['mean', 'std', 'max', 'fifty', 'ninety', 'ninetyfive', 'count']),
  })
  .meta({ id: 'Percentiles' });

const usage = z
  .strictObject({ percent_complete: u64, cpu: percentiles, memory: percentiles })
  .meta({ id: 'Usage', description: 'CPU in millicores, memory in bytes.' });

export const derivedStats = z
  .strictObject({
    timestamp: time,
    latest_usage: z.strictObject(numbers(['cpu', 'memory'])),
    minute_usage: usage,
    hour_usage: usage,
    day_usage: usage,
  })
  .meta({ id: 'DerivedStats', description: 'Use over the last minute, hour and day.' });

export const processInfo = z
  .strictObject({
    user: z.string(),
    pid: u64,
    parent_pid: u64,
    start_time: z.string(),
    percent_cpu: z.number(),
    percent_mem: z.number(),
    rss: u64.describe('bytes'),
    virtual_size: u64.describe('bytes'),
    status: z.string(),
    running_time: z.string(),
    cgroup_path: z.string(),
    cmd: z.string(),
    fd_count: u64,
    psr: i64,
  })
  .meta({ id: 'ProcessInfo', description: 'A process.' });

export const fsInfo = z
  .strictObject({
    timestamp: time,
    device: z.string(),
    mountpoint: z.string(),
    ...numbers(['capacity', 'available', 'usage']),
    labels: z.array(z.string()).nullable(),
    inodes: u64.optional(),
    inodes_free: u64.optional(),
  })
  .meta({ id: 'FsInfo', description: 'A file system of the host; bytes.' });

export const appMetrics = z
  .record(z.string(), z.record(z.string(), z.array(parts.customValue)))
  .meta({ id: 'AppMetrics', description: 'Metrics of the application, by name and label.' });
