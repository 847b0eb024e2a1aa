import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupFiles, Limit, MachineInfo, ResourceLimits } from '../../contracts/index.js';
import { CONTROLLERS } from './hierarchies.js';

/** When a container was created: µs since the epoch, 0 when unknown, and the nanoseconds beyond them. */
export type Creation = Pick<ResourceLimits, 'createdAt' | 'createdAtExtraNs'>;

export interface LimitOptions {
  /** True for `/`, whose memory limit is the machine's memory. */
  readonly isRoot: boolean;
  readonly machine: MachineInfo;
  /** µs since the epoch, a lower bound for the creation time. Absent: unknown. */
  readonly bootTime?: number;
  /** Creation time from an earlier call: determining it takes more system calls than all limits. */
  readonly created?: Creation | undefined;
}

/** Reads a container's current limits from its cgroup files. Members of missing files are absent. */
export function readLimits(files: CgroupFiles, options: LimitOptions): ResourceLimits {
  // A file that could be read shows that its directory exists, without a system call.
  const most = options.isRoot ? undefined : files.text('pids', 'pids.max');
  const processes = !options.isRoot && (most !== undefined || files.directory('pids') !== undefined);
  return {
    cgroupVersion: files.version,
    ...readCpu(files, options.machine.num_cores),
    ...readMemory(files, options),
    hasProcesses: processes,
    processes: processes ? optional('limit', limitOf(most)) : {},
    ...(options.created ?? readCreationTime(files, options.bootTime ?? 0)),
  };
}

/** The memory limit alone, without the cost of all others. @returns undefined without the file */
export function readMemoryLimit(files: CgroupFiles): Limit | undefined {
  return limitOf(files.text('memory', files.version === 1 ? 'memory.limit_in_bytes' : 'memory.max'));
}

function readCpu(files: CgroupFiles, cores: number): Pick<ResourceLimits, 'hasCpu' | 'cpu'> {
  const weight = files.text('cpu', files.version === 1 ? 'cpu.shares' : 'cpu.weight');
  const hasCpu = weight !== undefined || files.directory('cpu') !== undefined;
  const maskFile = files.version === 1 ? 'cpuset.cpus' : 'cpuset.cpus.effective';
  const cpus = files.text('cpuset', maskFile);
  const hasCpuset = cpus !== undefined || files.directory('cpuset') !== undefined;
  const mask = hasCpuset ? (cpus ?? '') : undefined;
  const bandwidth = files.version === 1 ? bandwidthV1(files) : bandwidthV2(files);
  return {
    hasCpu: hasCpu || hasCpuset,
    cpu: {
      limit: files.version === 1 ? (integer(weight) ?? 0n) : sharesV2(integer(weight)),
      ...bandwidth,
      ...(mask === undefined ? {} : { mask: mask === '' ? allCpus(cores) : mask }),
    },
  };
}

function bandwidthV1(files: CgroupFiles): { quota?: bigint; period?: bigint } {
  const quota = files.text('cpu', 'cpu.cfs_quota_us');
  return {
    ...optional('quota', quota === '-1' ? undefined : integer(quota)),
    ...optional('period', integer(files.text('cpu', 'cpu.cfs_period_us'))),
  };
}

function bandwidthV2(files: CgroupFiles): { quota?: bigint; period?: bigint } {
  const [quota, period] = (files.text('cpu', 'cpu.max') ?? '').split(' ');
  return { ...optional('quota', integer(quota)), ...optional('period', integer(period)) };
}

/** Converts `cpu.weight` to v1 shares as container runtimes do; 0 without the file. */
function sharesV2(weight: bigint | undefined): bigint {
  return weight === undefined || weight === 0n ? 0n : 2n + ((weight - 1n) * 262142n) / 9999n;
}

function allCpus(cores: number): string {
  return cores <= 1 ? '0' : `0-${cores - 1}`;
}

type MemoryLimits = Pick<ResourceLimits, 'hasMemory' | 'memory'>;

function readMemory(files: CgroupFiles, options: LimitOptions): MemoryLimits {
  const names =
    files.version === 1
      ? { limit: 'memory.limit_in_bytes', swap: 'memory.memsw.limit_in_bytes', reserve: 'memory.soft_limit_in_bytes' }
      : { limit: 'memory.max', swap: 'memory.swap.max', reserve: 'memory.min' };
  const reservation = optional('reservation', limitOf(files.text('memory', names.reserve)));
  if (options.isRoot) return { hasMemory: true, memory: { ...machineMemory(options.machine), ...reservation } };
  const limit = limitOf(files.text('memory', names.limit));
  const hasMemory = limit !== undefined || (files.version === 1 && files.directory('memory') !== undefined);
  if (!hasMemory) return { hasMemory, memory: {} };
  return {
    hasMemory,
    memory: {
      limit: limit === undefined || limit === 0n ? BigInt(options.machine.memory_capacity) : limit,
      ...reservation,
      ...optional('swapLimit', limitOf(files.text('memory', names.swap))),
    },
  };
}

function machineMemory(machine: MachineInfo): { limit: Limit; swapLimit?: Limit } {
  const swap = BigInt(machine.swap_capacity);
  return { limit: BigInt(machine.memory_capacity), ...(swap === 0n ? {} : { swapLimit: swap }) };
}

/** The earliest modification time of the directories and of a file in them that is never written; 0 when unknown. */
export function readCreationTime(files: CgroupFiles, bootTime: number): Creation {
  const unwrittenFile = files.version === 1 ? 'cgroup.clone_children' : 'cgroup.events';
  const directories = new Set(CONTROLLERS.flatMap((controller) => files.directory(controller) ?? []));
  let earliest: bigint | undefined;
  for (const path of [...directories].flatMap((directory) => [directory, join(directory, unwrittenFile)])) {
    const time = modified(path);
    if (time !== undefined && (earliest === undefined || time < earliest)) earliest = time;
  }
  if (earliest === undefined) return { createdAt: 0, createdAtExtraNs: 0 };
  const floor = bootTime - (bootTime % 60_000_000);
  const createdAt = Number(earliest / 1000n);
  if (createdAt < floor) return { createdAt: floor, createdAtExtraNs: 0 };
  return { createdAt, createdAtExtraNs: Number(earliest % 1000n) };
}

/** Modification time in ns since the epoch; undefined when unknown. */
function modified(path: string): bigint | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false, bigint: true })?.mtimeNs;
  } catch {
    return undefined;
  }
}

function limitOf(text: string | undefined): Limit | undefined {
  return text === 'max' ? 'unlimited' : integer(text);
}

function integer(text: string | undefined): bigint | undefined {
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : undefined;
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
