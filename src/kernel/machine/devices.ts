import { join } from 'node:path';
import {
  type Disk,
  type HostPaths,
  type HugePages,
  type MemoryModules,
  type NetworkDevice,
  readNames,
} from '../contracts/index.js';
import { isDirectory, readTrimmed } from '../linux/index.js';

const IGNORED_DISKS = /^(?:loop|ram|sr)/;
const IGNORED_NETWORK_DEVICES = /^(?:lo|veth|docker)/;

/** Block devices by `major:minor`, sorted. */
export function readDisks(paths: HostPaths): Record<string, Disk> {
  const disks: [string, Disk][] = [];
  for (const name of readNames(join(paths.sys, 'block'))) {
    const directory = join(paths.sys, 'block', name);
    const numbers = /^(\d+):(\d+)$/.exec(readTrimmed(join(directory, 'dev')) ?? '');
    if (IGNORED_DISKS.test(name) || numbers === null) continue;
    const scheduler = /\[(.+?)\]/.exec(readTrimmed(join(directory, 'queue/scheduler')) ?? '')?.[1] ?? 'none';
    const size = integer(readTrimmed(join(directory, 'size'))) * 512;
    disks.push([numbers[0], { name, major: Number(numbers[1]), minor: Number(numbers[2]), size, scheduler }]);
  }
  return Object.fromEntries(disks.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Network devices of the host sorted by name, without loopback and container interfaces. */
export function readNetworkDevices(paths: HostPaths): NetworkDevice[] {
  const root = join(paths.sys, 'class/net');
  return readNames(root)
    .filter((name) => !IGNORED_NETWORK_DEVICES.test(name) && isDirectory(join(root, name)))
    .sort()
    .map((name) => ({
      name,
      mac_address: readTrimmed(join(root, name, 'address')) ?? '',
      speed: integer(readTrimmed(join(root, name, 'speed'))),
      mtu: integer(readTrimmed(join(root, name, 'mtu'))),
    }));
}

/** Reserved huge pages per size, from a `hugepages` directory of the machine or of a node. */
export function readHugePages(directory: string): HugePages[] {
  const pages: HugePages[] = [];
  for (const name of readNames(directory).sort()) {
    const size = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    const count = readTrimmed(join(directory, name, 'nr_hugepages'));
    if (size !== undefined && count !== undefined) pages.push({ page_size: Number(size), num_pages: integer(count) });
  }
  return pages;
}

/** Memory modules by type from the directory of EDAC memory controllers; empty without an EDAC driver. */
export function readMemoryModules(root: string): Record<string, MemoryModules> {
  const modules = new Map<string, MemoryModules>();
  for (const controller of readNames(root).filter((name) => /^mc\d+$/.test(name))) {
    for (const dimm of readNames(join(root, controller)).filter((name) => /^dimm\d+$/.test(name))) {
      const type = readTrimmed(join(root, controller, dimm, 'dimm_mem_type'));
      const megabytes = readTrimmed(join(root, controller, dimm, 'size'));
      if (type === undefined || megabytes === undefined) continue;
      const { capacity, dimm_count } = modules.get(type) ?? { capacity: 0, dimm_count: 0 };
      modules.set(type, { capacity: capacity + integer(megabytes) * 2 ** 20, dimm_count: dimm_count + 1 });
    }
  }
  return Object.fromEntries([...modules].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Parses an integer; 0 when invalid. */
export function integer(text: string | undefined): number {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : 0;
}

/** The used values of `/proc/cpuinfo`. */
export interface CpuInfo {
  readonly processors: number;
  /** The vendor ID; on ARM the number of the implementer, empty on other architectures. */
  readonly vendor: string;
  /** Current frequency of the first processor; 0 on architectures that do not report it. */
  readonly frequencyKhz: number;
}

export function parseCpuinfo(text: string): CpuInfo {
  const frequency = /^(?:cpu MHz|clock)\s*:\s*(\d+)(?:\.(\d+))?/m.exec(text);
  return {
    vendor: /^(?:vendor_id|CPU implementer)\s*: *(.*?) *$/m.exec(text)?.[1] ?? '',
    processors: (text.match(/^processor\b.*:/gm) ?? []).length,
    frequencyKhz:
      frequency === null ? 0 : Number(frequency[1]) * 1000 + Number((frequency[2] ?? '').slice(0, 3).padEnd(3, '0')),
  };
}

/** Bytes of a `<key>: <n> kB` line, as in `/proc/meminfo` and a node's `meminfo`; 0 when missing. */
export function memoryLine(text: string, key: string): number {
  return Number(new RegExp(`\\b${key}:\\s*(\\d+) kB`).exec(text)?.[1] ?? 0) * 1024;
}
