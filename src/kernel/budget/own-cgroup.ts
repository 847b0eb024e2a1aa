import { join } from 'node:path';
import { readText } from '../contracts/index.js';
import { parseMountinfo } from '../linux/index.js';

/** What the agent's own cgroup allows it, and what it uses. Members of files that are absent or say `max` are undefined. */
export interface OwnCgroup {
  /** CPU time per time; 1 is one CPU. */
  readonly cpu?: number | undefined;
  /** Memory above which the kernel throttles or kills, bytes: the lower of `memory.high` and `memory.max`. */
  readonly memory?: number | undefined;
  /** Memory above which the kernel kills, bytes: `memory.max`. */
  readonly memoryMax?: number | undefined;
  /** Memory in use without inactive file cache, which the kernel can take back at once, bytes. */
  readonly memoryUsed?: number | undefined;
  /** Share of the last ten seconds in which some task waited for the resource, 0 … 1. */
  readonly pressure: { readonly cpu?: number | undefined; readonly memory?: number | undefined };
}

/** Above this a v1 limit is none: the kernel's own "no limit" is the largest multiple of its page size. */
const V1_UNLIMITED = 2 ** 60;

/** The directories of this process's own cgroup, and of those above it as far as they can be seen. */
type Directories = Readonly<Record<'unified' | 'cpu' | 'memory', readonly string[]>>;

/**
 * Reads the limits, the use and the pressure of the agent's own cgroup, v1 or v2.
 * @param root the root directory of the agent itself
 */
export class OwnCgroupReader {
  private directories: Directories | undefined;

  constructor(private readonly root = '/') {}

  read(): OwnCgroup {
    this.directories ??= this.find();
    const { unified, cpu, memory } = this.directories;
    const memoryMax = [
      ...unified.map((directory) => number(directory, 'memory.max')),
      ...memory.map((directory) => number(directory, 'memory.limit_in_bytes', V1_UNLIMITED)),
    ];
    const [own] = unified;
    return {
      cpu: lowest([...unified.map(bandwidthV2), ...cpu.map(bandwidthV1)]),
      memory: lowest([...unified.map((directory) => number(directory, 'memory.high')), ...memoryMax]),
      memoryMax: lowest(memoryMax),
      memoryUsed: lowest([
        used(own, 'memory.current', 'inactive_file'),
        used(memory[0], 'memory.usage_in_bytes', 'total_inactive_file'),
      ]),
      pressure: { cpu: pressure(own, 'cpu'), memory: pressure(own, 'memory') },
    };
  }

  private find(): Directories {
    const proc = join(this.root, 'proc/self');
    const mounts = parseMountinfo(readText(join(proc, 'mountinfo')) ?? '');
    const found = { unified: [] as string[], cpu: [] as string[], memory: [] as string[] };
    for (const { controllers, path } of memberships(readText(join(proc, 'cgroup')) ?? '')) {
      const ofV1 = (['cpu', 'memory'] as const).filter((name) => controllers.includes(name));
      for (const name of controllers.length === 0 ? (['unified'] as const) : ofV1) {
        const mount = mounts.find(
          ({ type, superOptions, root }) =>
            (name === 'unified' ? type === 'cgroup2' : type === 'cgroup' && superOptions.includes(name)) &&
            isWithin(path, root),
        );
        if (mount === undefined) continue;
        const below = mount.root === '/' ? path : path.slice(mount.root.length);
        found[name] = upwards(join(this.root, mount.mountpoint), below);
      }
    }
    return found;
  }
}

/** The lines of `/proc/self/cgroup`; malformed ones are skipped. */
function memberships(text: string): { readonly controllers: readonly string[]; readonly path: string }[] {
  return [...text.matchAll(/^\d+:([^:\n]*):(\/.*)$/gm)].map(([, names, path]) => ({
    controllers: names === '' ? [] : names!.split(','),
    path: path!,
  }));
}

function isWithin(path: string, root: string): boolean {
  return root === '/' || path === root || path.startsWith(`${root}/`);
}

/** The directory and those above it, up to the mount point. */
function upwards(mountpoint: string, path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return [...names.keys(), names.length].reverse().map((depth) => join(mountpoint, ...names.slice(0, depth)));
}

function lowest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function number(directory: string, file: string, unlimited = Number.POSITIVE_INFINITY): number | undefined {
  const text = readText(join(directory, file))?.trim() ?? '';
  return /^\d+$/.test(text) && Number(text) < unlimited ? Number(text) : undefined;
}

function bandwidthV2(directory: string): number | undefined {
  const [, quota, period] = /^(\d+) (\d+)/.exec(readText(join(directory, 'cpu.max')) ?? '') ?? [];
  return quota === undefined || Number(period) === 0 ? undefined : Number(quota) / Number(period);
}

function bandwidthV1(directory: string): number | undefined {
  const quota = number(directory, 'cpu.cfs_quota_us');
  const period = number(directory, 'cpu.cfs_period_us');
  return quota === undefined || !period ? undefined : quota / period;
}

/** @param cache what inactive file cache is called in `memory.stat` */
function used(directory: string | undefined, file: string, cache: string): number | undefined {
  if (directory === undefined) return undefined;
  const current = number(directory, file);
  if (current === undefined) return undefined;
  const stat = readText(join(directory, 'memory.stat')) ?? '';
  const [, inactive = '0'] = new RegExp(`^${cache} (\\d+)$`, 'm').exec(stat) ?? [];
  return Math.max(0, current - Number(inactive));
}

function pressure(directory: string | undefined, resource: 'cpu' | 'memory'): number | undefined {
  if (directory === undefined) return undefined;
  const [, average] = /^some avg10=([\d.]+)/.exec(readText(join(directory, `${resource}.pressure`)) ?? '') ?? [];
  return average === undefined ? undefined : Number(average) / 100;
}
