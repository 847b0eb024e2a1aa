import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type ContainerView,
  messageOf,
  type PluginContext,
  parseCgroups,
  readText,
} from '../../../kernel/contracts/index.js';

/** A line of `/proc/mounts`. */
export interface MountLine {
  readonly mountpoint: string;
  readonly type: string;
  readonly options: readonly string[];
  readonly line: string;
}

/** Where cgroups are mounted: the directory that holds the hierarchies, or the one hierarchy of v2. */
export type CgroupMount =
  | { readonly path: string; readonly directories: readonly string[] }
  | { readonly path: string; readonly failure: string };

/** The input of the checks. */
export type Facts = Awaited<ReturnType<typeof gatherFacts>>;

export async function gatherFacts({ agent, linux }: Pick<PluginContext, 'agent' | 'linux'>) {
  const cgroupVersion = agent.container('/')?.limits().cgroupVersion ?? 1;
  const mounts = parseMounts(linux.procText('self/mounts') ?? '').filter(({ type }) => /^cgroup2?$/.test(type));
  const ofVersion = cgroupVersion === 2 ? unifiedFacts(linux.paths.cgroup) : v1Facts(mounts, linux.procText('cgroups'));
  return {
    agentVersion: agent.version,
    ...linux.versions(),
    cgroupVersion,
    ...ofVersion,
    mounts,
    dockerVersion: agent.runtimes().find(({ name }) => name === 'docker')?.version,
    engines: await agent.engines(),
    disks: Object.values(linux.machine().disk_map),
    watched: agent.watchedDirectories(),
    containers: agent.containers() as readonly Pick<ContainerView, 'name' | 'description'>[],
  };
}

/** Lines of `/proc/mounts`; those of another form are skipped. */
export function parseMounts(text: string): MountLine[] {
  return text.split('\n').flatMap((line) => {
    const [, mountpoint, type, options] = line.split(' ');
    return options === undefined ? [] : [{ mountpoint: mountpoint!, type: type!, options: options.split(','), line }];
  });
}

/** What depends on the version of cgroups. */
interface CgroupFacts {
  readonly controllers: readonly string[];
  /** Whether a container's memory includes that of the containers below it. */
  readonly hierarchicalMemory: boolean;
  /** Whether the kernel can limit CPU time. */
  readonly cpuBandwidth: boolean;
  readonly cgroupMount: CgroupMount | undefined;
}

function unifiedFacts(root: string): CgroupFacts {
  const cgroupMount = lookAt(root);
  // The root has no limits of its own: a cgroup below it shows whether the kernel knows them.
  const directories = 'directories' in cgroupMount ? cgroupMount.directories : [];
  return {
    controllers: textOf(join(root, 'cgroup.controllers')).split(/\s+/).filter(Boolean),
    hierarchicalMemory: true,
    cpuBandwidth: directories.some((name) => existsSync(join(root, name, 'cpu.max'))),
    cgroupMount,
  };
}

function v1Facts(mounts: readonly MountLine[], cgroups = ''): CgroupFacts {
  const mountOf = (controller: string) =>
    mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller))?.mountpoint;
  const [cpu, memory] = [mountOf('cpu'), mountOf('memory')];
  return {
    controllers: [...parseCgroups(cgroups)].flatMap(([name, { enabled }]) => (enabled ? [name] : [])),
    hierarchicalMemory: memory !== undefined && textOf(join(memory, 'memory.use_hierarchy')) === '1',
    cpuBandwidth: cpu !== undefined && existsSync(join(cpu, 'cpu.cfs_period_us')),
    cgroupMount: cpu === undefined ? undefined : lookAt(dirname(cpu)),
  };
}

function lookAt(path: string): CgroupMount {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return { path, directories: entries.filter((entry) => entry.isDirectory()).map(({ name }) => name) };
  } catch (error) {
    return { path, failure: messageOf(error) };
  }
}

function textOf(path: string): string {
  return readText(path)?.trim() ?? '';
}
