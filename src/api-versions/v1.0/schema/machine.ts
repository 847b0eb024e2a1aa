import { z } from '../../../kernel/contracts/index.js';
import { i64, numbers, optionalNumbers, time, u64 } from './numbers.js';

const nullable = <T extends z.ZodType>(element: T) => z.array(element).nullable();

export const hugePages = z
  .strictObject({ page_size: u64.describe('kB'), num_pages: u64 })
  .meta({ id: 'HugePages', description: 'Huge pages of one size.' });

const cache = z
  .strictObject({ id: u64, size: u64.describe('bytes'), type: z.string(), level: u64 })
  .meta({ id: 'Cache' });

const core = z
  .strictObject({
    core_id: i64,
    thread_ids: nullable(u64),
    caches: nullable(cache),
    uncore_caches: nullable(cache).describe('shared with some cores of the node'),
    socket_id: u64,
    ...optionalNumbers(['book_id', 'drawer_id']),
  })
  .meta({ id: 'Core', description: 'A processor core and its threads.' });

const node = z
  .strictObject({
    node_id: u64,
    memory: u64.describe('bytes'),
    hugepages: nullable(hugePages),
    cores: nullable(core),
    caches: nullable(cache),
    distances: nullable(u64),
  })
  .meta({ id: 'Node', description: 'A NUMA node.' });

const filesystem = z
  .strictObject({ device: z.string(), capacity: u64, type: z.string(), inodes: u64, has_inodes: z.boolean() })
  .meta({ id: 'MachineFilesystem' });

const disk = z
  .strictObject({ name: z.string(), major: u64, minor: u64, size: u64.describe('bytes'), scheduler: z.string() })
  .meta({ id: 'Disk' });

const networkDevice = z
  .strictObject({ name: z.string(), mac_address: z.string(), speed: i64.describe('Mbit/s'), mtu: i64 })
  .meta({ id: 'NetworkDevice' });

/** What MachineInfo and the v2 attributes share. */
export const machineShape = {
  num_cores: u64,
  cpu_frequency_khz: u64,
  memory_capacity: u64.describe('bytes'),
  hugepages: nullable(hugePages),
  machine_id: z.string(),
  system_uuid: z.string(),
  filesystems: nullable(filesystem),
  disk_map: z.record(z.string(), disk).describe('by `major:minor`'),
  network_devices: z.array(networkDevice),
  topology: nullable(node),
  cloud_provider: z.string(),
  instance_type: z.string(),
};

export const machineInfo = z
  .strictObject({
    timestamp: time,
    vendor_id: z.string(),
    ...machineShape,
    ...numbers(['num_physical_cores', 'num_sockets']),
    ...optionalNumbers(['num_books', 'num_drawers']),
    swap_capacity: u64.describe('bytes'),
    memory_by_type: z.record(z.string(), z.strictObject(numbers(['capacity', 'dimm_count']))),
    nvm: z.strictObject(numbers(['memory_mode_capacity', 'app direct_mode_capacity', 'avg_power_budget'])),
    boot_id: z.string(),
    instance_id: z.string(),
  })
  .meta({ id: 'MachineInfo', description: 'The host.' });
