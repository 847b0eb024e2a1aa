import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Cache, Core, HostPaths, Node } from '../contracts/index.js';
import { readNames, readText, readTrimmed } from '../linux/index.js';
import { memoryLine } from './cpuinfo.js';
import { integer, readHugePages } from './devices.js';

/** CPUs read before the event loop gets its turn. */
const BATCH = 16;
const CACHE_UNITS: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

interface Cpu {
  readonly thread: number;
  readonly coreId: number;
  readonly package: number;
}

/** A cache and how many CPUs share it. */
interface SharedCache {
  readonly cache: Cache;
  readonly cpus: number;
}

/**
 * NUMA nodes with their cores and caches, from the node directories. A kernel without NUMA has none: then each package
 * is a node, and a single one has the machine's memory.
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
    nodes.push(buildNode(paths, id, memory, join(directory, 'hugepages'), members));
  }
  if (nodes.length > 0) return nodes;
  const packages = [...new Set(cpus.map((cpu) => cpu.package))].sort((a, b) => a - b);
  return packages.map((id) => {
    const memory = packages.length === 1 ? machineMemory : 0;
    const members = cpus.filter((cpu) => cpu.package === id);
    return buildNode(paths, id, memory, join(paths.sys, 'kernel/mm/hugepages'), members);
  });
}

async function readCpus(paths: HostPaths): Promise<Cpu[]> {
  const root = join(paths.sys, 'devices/system/cpu');
  const cpus: Cpu[] = [];
  for (const thread of numbered(root, 'cpu')) {
    if (thread % BATCH === BATCH - 1) await nextTurn();
    const topology = join(root, `cpu${thread}/topology`);
    const core = readTrimmed(join(topology, 'core_id'));
    // A CPU that is offline has no topology.
    if (core === undefined) continue;
    cpus.push({
      thread,
      coreId: integer(core),
      package: Math.max(0, integer(readTrimmed(join(topology, 'physical_package_id')))),
    });
  }
  return cpus;
}

function buildNode(paths: HostPaths, id: number, memory: number, hugepages: string, cpus: readonly Cpu[]): Node {
  const cores = groupByCore(cpus);
  const caches = cpus.length === 0 ? [] : readCaches(paths, cpus[0]!.thread);
  const threadsPerCore = cores[0]?.thread_ids.length ?? 0;
  const ofNode = caches.filter(({ cache, cpus: sharing }) => cache.level > 2 && sharing === cpus.length);
  const ofCore = caches.filter((shared) => !ofNode.includes(shared) && shared.cpus === threadsPerCore);
  const coreCaches = ofCore.map(({ cache }) => cache);
  return {
    node_id: id,
    memory,
    hugepages: readHugePages(hugepages),
    cores: cores.map((core) => ({ ...core, caches: coreCaches })),
    caches: ofNode.map(({ cache }) => cache),
  };
}

/** Core ids are unique within a package only. */
function groupByCore(cpus: readonly Cpu[]): Core[] {
  const cores = new Map<string, { core_id: number; thread_ids: number[]; caches: Cache[] }>();
  for (const cpu of cpus) {
    const key = `${cpu.package}/${cpu.coreId}`;
    const core = cores.get(key);
    if (core !== undefined) core.thread_ids.push(cpu.thread);
    else cores.set(key, { core_id: cpu.coreId, thread_ids: [cpu.thread], caches: [] });
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
    const cache = { size: Number(size[1]) * CACHE_UNITS[size[2]!]!, type: read('type'), level: integer(read('level')) };
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

/** CPUs of a list such as `0-3,8,10-11`; what is not a list is no CPU. */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const part of text.trim().split(',')) {
    const range = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part);
    if (range === null) continue;
    for (let cpu = Number(range[1]); cpu <= Number(range[2] ?? range[1]); cpu++) cpus.push(cpu);
  }
  return cpus;
}

/** Bits set in a mask such as `ff,00000003`. */
export function countBits(mask: string): number {
  let bits = 0;
  for (const digit of mask) {
    const value = Number.parseInt(digit, 16);
    if (!Number.isNaN(value)) bits += (value & 1) + ((value >> 1) & 1) + ((value >> 2) & 1) + ((value >> 3) & 1);
  }
  return bits;
}
