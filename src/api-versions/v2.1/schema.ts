import { z } from '../../kernel/contracts/index.js';
import { numbers, parts, time, u64 } from '../v1.0/schema/index.js';
import { containerSpecV2, cpuInst } from '../v2.0/schema.js';
import { DISK_COUNTERS } from './samples.js';

const sparseSample = z
  .strictObject({
    timestamp: time,
    cpu: parts.cpu.optional(),
    cpu_inst: cpuInst.optional(),
    diskio: parts.diskIo.optional(),
    memory: parts.memory.optional(),
    hugetlb: parts.hugetlb.optional(),
    network: parts.network.optional(),
    processes: parts.processes.optional(),
    filesystem: z
      .strictObject(numbers(['totalUsageBytes', 'baseUsageBytes', 'containter_inode_usage', 'container_inode_usage']))
      .optional(),
    custom_metrics: parts.customMetrics.optional(),
    referenced_memory: u64.optional(),
    resctrl: parts.resctrl,
    fields: parts.otherFields.optional(),
  })
  .meta({ id: 'ContainerStatsV21', description: 'One sample of a container: the parts that it has.' });

export const containerInfoV21 = z
  .strictObject({ spec: containerSpecV2, stats: z.array(sparseSample).optional() })
  .meta({ id: 'ContainerInfoV21' });

const diskCounters = numbers(DISK_COUNTERS.map(([key]) => key));

const machineFilesystem = z
  .strictObject({
    device: z.string(),
    type: z.string(),
    ...numbers(['capacity', 'usage', 'available']),
    inodes_free: u64.optional(),
    inline: z.strictObject(diskCounters),
    ...diskCounters,
  })
  .meta({ id: 'MachineFilesystemStats', description: 'Bytes; durations in ns.' });

export const machineStats = z
  .strictObject({
    timestamp: time,
    cpu: parts.cpu.optional(),
    cpu_inst: cpuInst.optional(),
    memory: parts.memory.optional(),
    network: parts.network.optional(),
    filesystem: z.array(machineFilesystem).optional(),
    fields: parts.otherFields.optional(),
  })
  .meta({ id: 'MachineStats', description: 'One sample of the host.' });
