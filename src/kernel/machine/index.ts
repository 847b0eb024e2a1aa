import { join } from 'node:path';
import { Token } from '../composition/index.js';
import { type HostPaths, type MachineFilesystem, type MachineInfo, readText } from '../contracts/index.js';
import { hostFile, type RefreshableHost, readTrimmed, UNKNOWN_MACHINE } from '../linux/index.js';
import {
  integer,
  memoryLine,
  parseCpuinfo,
  readDisks,
  readHugePages,
  readMemoryModules,
  readNetworkDevices,
} from './devices.js';
import { countPackages, readTopology } from './topology.js';

export const HOST = new Token<RefreshableHost>('host');

export interface MachineOptions {
  /** Files on the host with its machine ID; the first readable one is used. */
  readonly machineIdFiles?: readonly string[];
  /** Files with the boot ID; the first readable one is used. */
  readonly bootIdFiles?: readonly string[];
}

const MACHINE_ID_FILES = ['/etc/machine-id', '/var/lib/dbus/machine-id'];
const BOOT_ID_FILES = ['/proc/sys/kernel/random/boot_id'];
const SYSTEM_UUID_FILES = [
  '/sys/class/dmi/id/product_uuid',
  '/proc/device-tree/system-id',
  '/proc/device-tree/vm,uuid',
  '/etc/machine-id',
];

/**
 * Reads the machine information. Unknown values are 0, empty or `Unknown`; cloud metadata services are not queried.
 * @param filesystems the tracked filesystems with their sizes
 */
export async function readMachine(
  paths: HostPaths,
  filesystems: readonly MachineFilesystem[],
  options: MachineOptions = {},
): Promise<MachineInfo> {
  const cpu = parseCpuinfo(readText(join(paths.proc, 'cpuinfo')) ?? '');
  const meminfo = readText(join(paths.proc, 'meminfo')) ?? '';
  const memory = memoryLine(meminfo, 'MemTotal');
  const highest = integer(readTrimmed(join(paths.sys, 'devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq')));
  const topology = await readTopology(paths, memory);
  return {
    ...UNKNOWN_MACHINE,
    timestamp: new Date().toISOString(),
    vendor_id: cpu.vendor,
    num_cores: cpu.processors,
    ...countPackages(topology),
    cpu_frequency_khz: highest > 0 ? highest : cpu.frequencyKhz,
    memory_capacity: memory,
    swap_capacity: memoryLine(meminfo, 'SwapTotal'),
    memory_by_type: readMemoryModules(join(paths.sys, 'devices/system/edac/mc')),
    hugepages: readHugePages(join(paths.sys, 'kernel/mm/hugepages')),
    machine_id: firstReadable(paths, options.machineIdFiles ?? MACHINE_ID_FILES),
    system_uuid: firstReadable(paths, SYSTEM_UUID_FILES),
    boot_id: firstReadable(paths, options.bootIdFiles ?? BOOT_ID_FILES),
    filesystems,
    disk_map: readDisks(paths),
    network_devices: readNetworkDevices(paths),
    topology,
  };
}

function firstReadable(paths: HostPaths, files: readonly string[]): string {
  for (const file of files) {
    const text = readTrimmed(hostFile(paths, file));
    // Device-tree texts end with a NUL.
    if (text !== undefined && text !== '') return text.replace(/\0+$/, '');
  }
  return '';
}
