import type { Controller } from '../../src/kernel/contracts/index.js';
import { CGROUP_VERSION, type RealCgroup } from './real-cgroup.js';

/** Text of a container's file, `undefined` when it has none. */
export type ReadFile = (controller: Controller, file: string) => string | undefined;

type Place = readonly [controller: Controller, file: string, key?: string, factor?: number];

/** Where the kernel says each number that stands in a file as it is, written down independently of the sources. */
const PLACES: Readonly<Record<1 | 2, Readonly<Record<string, Place>>>> = {
  1: {
    'cpu.usage.total': ['cpuacct', 'cpuacct.usage'],
    'cpu.usage.user': ['cpuacct', 'cpuacct.stat', 'user', 10_000_000],
    'cpu.usage.system': ['cpuacct', 'cpuacct.stat', 'system', 10_000_000],
    'cpu.cfs.periods': ['cpu', 'cpu.stat', 'nr_periods'],
    'cpu.cfs.throttled_periods': ['cpu', 'cpu.stat', 'nr_throttled'],
    'cpu.cfs.throttled_time': ['cpu', 'cpu.stat', 'throttled_time'],
    'memory.usage': ['memory', 'memory.usage_in_bytes'],
    'memory.max_usage': ['memory', 'memory.max_usage_in_bytes'],
    'memory.failcnt': ['memory', 'memory.failcnt'],
    'memory.cache': ['memory', 'memory.stat', 'total_cache'],
    'memory.rss': ['memory', 'memory.stat', 'total_rss'],
    'memory.mapped_file': ['memory', 'memory.stat', 'total_mapped_file'],
    'memory.container.pgfault': ['memory', 'memory.stat', 'pgfault'],
    'memory.hierarchical.pgfault': ['memory', 'memory.stat', 'total_pgfault'],
    'memory.total_inactive_file': ['memory', 'memory.stat', 'total_inactive_file'],
    'oom.kills': ['memory', 'memory.oom_control', 'oom_kill'],
    'cpuset.memory_migrate': ['cpuset', 'cpuset.memory_migrate'],
    'processes.threads_current': ['pids', 'pids.current'],
  },
  2: {
    'cpu.usage.total': ['cpu', 'cpu.stat', 'usage_usec', 1000],
    'cpu.usage.user': ['cpu', 'cpu.stat', 'user_usec', 1000],
    'cpu.usage.system': ['cpu', 'cpu.stat', 'system_usec', 1000],
    'cpu.cfs.periods': ['cpu', 'cpu.stat', 'nr_periods'],
    'cpu.cfs.throttled_periods': ['cpu', 'cpu.stat', 'nr_throttled'],
    'cpu.cfs.throttled_time': ['cpu', 'cpu.stat', 'throttled_usec', 1000],
    'memory.usage': ['memory', 'memory.current'],
    'memory.max_usage': ['memory', 'memory.peak'],
    'memory.swap': ['memory', 'memory.swap.current'],
    'memory.cache': ['memory', 'memory.stat', 'file'],
    'memory.rss': ['memory', 'memory.stat', 'anon'],
    'memory.mapped_file': ['memory', 'memory.stat', 'file_mapped'],
    'memory.hierarchical.pgfault': ['memory', 'memory.stat', 'pgfault'],
    'memory.kernel': ['memory', 'memory.stat', 'kernel'],
    'memory.pgscan': ['memory', 'memory.stat', 'pgscan'],
    'memory.total_inactive_file': ['memory', 'memory.stat', 'inactive_file'],
    'memory.events.high': ['memory', 'memory.events', 'high'],
    'memory.events.max': ['memory', 'memory.events', 'max'],
    'oom.kills': ['memory', 'memory.events', 'oom_kill'],
    'hugetlb.usage{2MB}': ['hugetlb', 'hugetlb.2MB.current'],
    'hugetlb.failcnt{2MB}': ['hugetlb', 'hugetlb.2MB.events', 'max'],
    'processes.threads_current': ['pids', 'pids.current'],
  },
};

/** The numbers that the files of a container say, under the sources' names. */
export function numbersOf(version: 1 | 2, read: ReadFile): Record<string, number> {
  const found = Object.entries(PLACES[version]).flatMap(([name, [controller, file, key, factor = 1]]) => {
    const text = read(controller, file);
    const digits =
      text === undefined ? undefined : new RegExp(`^${key === undefined ? '' : `${key} `}(\\d+)$`, 'm').exec(text)?.[1];
    return digits === undefined ? [] : [[name, Number(digits) * factor] as const];
  });
  return { ...Object.fromEntries(found), ...(version === 1 ? perCpu(read) : ioStat(read)) };
}

/** CPU time of a cgroup, ns. */
export function cpuUsage(cgroup: RealCgroup): number {
  return numbersOf(CGROUP_VERSION, (controller, file) => tryRead(() => cgroup.read(controller, file)))[
    'cpu.usage.total'
  ]!;
}

function tryRead(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function perCpu(read: ReadFile): Record<string, number> {
  const numbers = read('cpuacct', 'cpuacct.usage_percpu')?.trim().split(' ') ?? [];
  return Object.fromEntries(numbers.map((digits, cpu) => [`cpu.usage.per_cpu{${cpu}}`, Number(digits)]));
}

/** By `major,minor` and operation; device names are the host's matter. */
function ioStat(read: ReadFile): Record<string, number> {
  const lines = read('blkio', 'io.stat')?.split('\n') ?? [];
  return Object.assign({}, ...lines.map(ioStatLine));
}

function ioStatLine(line: string): Record<string, number> {
  const [, device, pairs] = /^(\d+:\d+) (.+)$/.exec(line) ?? [];
  if (device === undefined || pairs === undefined) return {};
  const numbers = new Map(pairs.split(' ').map((pair) => pair.split('=') as [string, string]));
  const cell = (field: string, operation: string, key: string): [string, number][] => {
    const digits = numbers.get(key);
    return digits === undefined ? [] : [[`diskio.${field}{${device.replace(':', ',')},${operation}}`, Number(digits)]];
  };
  return Object.fromEntries([
    ...cell('io_service_bytes', 'Read', 'rbytes'),
    ...cell('io_service_bytes', 'Write', 'wbytes'),
    ...cell('io_serviced', 'Read', 'rios'),
    ...cell('io_serviced', 'Write', 'wios'),
  ]);
}
