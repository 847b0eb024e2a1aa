import { join } from 'node:path';
import {
  type Cache,
  type Core,
  type HostPaths,
  type MachineInfo,
  type Node,
  readNames,
  readText,
  Slices,
} from '../contracts/index.js';
import { readTrimmed } from '../linux/index.js';
import { integer, memoryLine, readHugePages } from './devices.js';

const CACHE_UNITS: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

interface Cpu {
  readonly thread: number;
  readonly coreId: number;
  readonly package: number;
  readonly book: number | undefined;
  readonly drawer: number | undefined;
}

type CoreWithoutCaches = Omit<Core, 'caches' | 'uncore_caches'>;

/** A cache and the number of CPUs that share it. */
interface SharedCache {
  readonly cache: Cache;
  readonly cpus: number;
}

/**
 * NUMA nodes with their cores and caches. Without NUMA each package is a node, and a single package has the machine's memory.
 * @param machineMemory bytes
 */
export async function readTopology(paths: HostPaths, machineMemory: number): Promise<Node[]> {
  const cpus = await readCpus(paths);
  const root = join(paths.sys, 'devices/system/node');
  const nodes: Node[] = [];
  for (const id of numbered(root, 'node')) {
    const directory = join(root, `node${id}`);
    const threads = new Set(parseCpuList(readTrimmed(join(directory, 'cpulist')) ?? ''));
    const members = cpus.filter(({ thread }) => threads.has(thread));
    const memory = memoryLine(readText(join(directory, 'meminfo')) ?? '', 'MemTotal');
    const distances = (readTrimmed(join(directory, 'distance')) ?? '').split(/\s+/).filter(Boolean).map(integer);
    const hugepages = readHugePages(join(directory, 'hugepages'));
    nodes.push({ node_id: id, memory, hugepages, ...(await coresOf(paths, members)), distances });
  }
  if (nodes.length > 0) return nodes;
  const packages = [...new Set(cpus.map((cpu) => cpu.package))].sort((a, b) => a - b);
  const hugepages = readHugePages(join(paths.sys, 'kernel/mm/hugepages'));
  for (const id of packages) {
    const memory = packages.length === 1 ? machineMemory : 0;
    const members = cpus.filter((cpu) => cpu.package === id);
    nodes.push({ node_id: id, memory, hugepages, ...(await coresOf(paths, members)), distances: [] });
  }
  return nodes;
}

export function countPackages(
  nodes: readonly Node[],
): Pick<MachineInfo, 'num_physical_cores' | 'num_sockets' | 'num_books' | 'num_drawers'> {
  const cores = nodes.flatMap((node) => node.cores);
  const count = (id: (core: Core) => number | undefined) =>
    new Set(cores.map(id).filter((found) => found !== undefined)).size;
  return {
    num_physical_cores: cores.length,
    num_sockets: count((core) => core.socket_id),
    num_books: count((core) => core.book_id),
    num_drawers: count((core) => core.drawer_id),
  };
}

async function readCpus(paths: HostPaths): Promise<Cpu[]> {
  const root = join(paths.sys, 'devices/system/cpu');
  const cpus: Cpu[] = [];
  const slices = new Slices();
  for (const thread of numbered(root, 'cpu')) {
    if (slices.isOver()) await slices.pause();
    const topology = join(root, `cpu${thread}/topology`);
    const core = readTrimmed(join(topology, 'core_id'));
    // An offline CPU has no topology.
    if (core === undefined) continue;
    cpus.push({
      thread,
      coreId: integer(core),
      package: Math.max(0, integer(readTrimmed(join(topology, 'physical_package_id')))),
      book: groupOf(join(topology, 'book_id')),
      drawer: groupOf(join(topology, 'drawer_id')),
    });
  }
  return cpus;
}

/** The ID of a book or drawer; undefined where there is none. */
function groupOf(path: string): number | undefined {
  const id = readTrimmed(path);
  return id === undefined || integer(id) < 0 ? undefined : integer(id);
}

/** The cores of a node with their caches, and the caches shared by all of them. */
async function coresOf(paths: HostPaths, cpus: readonly Cpu[]): Promise<Pick<Node, 'cores' | 'caches'>> {
  const ofNode = new Map<string, Cache>();
  const cores: Core[] = [];
  const slices = new Slices();
  for (const core of groupByCore(cpus)) {
    if (slices.isOver()) await slices.pause();
    const caches: Cache[] = [];
    const uncore: Cache[] = [];
    for (const { cache, cpus: sharing } of readCaches(paths, core.thread_ids[0]!)) {
      if (cache.level <= 2) {
        if (sharing === core.thread_ids.length) caches.push(cache);
      } else if (sharing === cpus.length) ofNode.set(`${cache.id} ${cache.type} ${cache.level}`, cache);
      else uncore.push(cache);
    }
    const { core_id, thread_ids, ...groups } = core;
    cores.push({ core_id, thread_ids, caches, uncore_caches: uncore, ...groups });
  }
  return { cores, caches: [...ofNode.values()] };
}

/** Core IDs are unique only within a package. */
function groupByCore(cpus: readonly Cpu[]): CoreWithoutCaches[] {
  const cores = new Map<string, CoreWithoutCaches & { thread_ids: number[] }>();
  for (const { thread, coreId, package: socket, book, drawer } of cpus) {
    const key = `${socket}/${coreId}`;
    const known = cores.get(key);
    if (known !== undefined) known.thread_ids.push(thread);
    else {
      cores.set(key, {
        core_id: coreId,
        thread_ids: [thread],
        socket_id: socket,
        ...(book !== undefined && { book_id: book }),
        ...(drawer !== undefined && { drawer_id: drawer }),
      });
    }
  }
  return [...cores.values()];
}

function readCaches(paths: HostPaths, thread: number): SharedCache[] {
  const root = join(paths.sys, `devices/system/cpu/cpu${thread}/cache`);
  const caches: SharedCache[] = [];
  for (const index of numbered(root, 'index')) {
    const read = (name: string) => readTrimmed(join(root, `index${index}`, name)) ?? '';
    const size = /^(\d+)([KMG]?)$/.exec(read('size'));
    if (size === null) continue;
    const cache = {
      id: integer(read('id')),
      size: Number(size[1]) * CACHE_UNITS[size[2]!]!,
      type: read('type'),
      level: integer(read('level')),
    };
    caches.push({ cache, cpus: countBits(read('shared_cpu_map')) });
  }
  return caches;
}

/** Numbers of the directories `<prefix><number>`, ascending. */
function numbered(directory: string, prefix: string): number[] {
  return readNames(directory)
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
}

/** Parses a CPU list such as `0-3,8,10-11`; malformed parts are skipped. */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const part of text.trim().split(',')) {
    const range = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part);
    if (range === null) continue;
    for (let cpu = Number(range[1]); cpu <= Number(range[2] ?? range[1]); cpu++) cpus.push(cpu);
  }
  return cpus;
}

/** Counts the set bits of a mask such as `ff,00000003`. */
export function countBits(mask: string): number {
  let bits = 0;
  for (const digit of mask) {
    const value = Number.parseInt(digit, 16);
    if (!Number.isNaN(value)) bits += (value & 1) + ((value >> 1) & 1) + ((value >> 2) & 1) + ((value >> 3) & 1);
  }
  return bits;
}
