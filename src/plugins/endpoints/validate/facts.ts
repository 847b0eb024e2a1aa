import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type AgentView,
  type ContainerDescription,
  type Disk,
  type EngineReport,
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
export interface Facts {
  readonly agentVersion: string;
  readonly osVersion: string;
  readonly kernelVersion: string;
  readonly cgroupVersion: 1 | 2;
  /** Enabled controllers. */
  readonly controllers: readonly string[];
  /** Whether a container's memory includes that of the containers below it. */
  readonly hierarchicalMemory: boolean;
  /** Whether the kernel can limit CPU time. */
  readonly cpuBandwidth: boolean;
  readonly cgroupMount: CgroupMount | undefined;
  readonly mounts: readonly MountLine[];
  /** Version of Docker; undefined while it cannot be reached. */
  readonly dockerVersion: string | undefined;
  readonly engines: readonly EngineReport[];
  readonly disks: readonly Disk[];
  readonly watched: ReturnType<AgentView['watchedDirectories']>;
  readonly containers: readonly { readonly name: string; readonly description: ContainerDescription }[];
}

export async function gatherFacts({ agent, linux }: Pick<PluginContext, 'agent' | 'linux'>): Promise<Facts> {
  const cgroupVersion = agent.container('/')?.limits().cgroupVersion ?? 1;
  const mounts = parseMounts(linux.procText('self/mounts') ?? '').filter(({ type }) => /^cgroup2?$/.test(type));
  const { kernelVersion, osVersion } = linux.versions();
  return {
    agentVersion: agent.version,
    osVersion,
    kernelVersion,
    cgroupVersion,
    controllers:
      cgroupVersion === 2
        ? textOf(join(linux.paths.cgroup, 'cgroup.controllers')).split(/\s+/).filter(Boolean)
        : [...parseCgroups(linux.procText('cgroups') ?? '')].flatMap(([name, { enabled }]) => (enabled ? [name] : [])),
    hierarchicalMemory: cgroupVersion === 2 || textOf(v1File(mounts, 'memory', 'memory.use_hierarchy')) === '1',
    cpuBandwidth:
      cgroupVersion === 2 ? hasCpuMax(linux.paths.cgroup) : existsSync(v1File(mounts, 'cpu', 'cpu.cfs_period_us')),
    cgroupMount: cgroupVersion === 2 ? lookAt(linux.paths.cgroup) : v1Parent(mounts),
    mounts,
    dockerVersion: agent.runtimes().find(({ name }) => name === 'docker')?.version,
    engines: await agent.engines(),
    disks: Object.values(linux.machine().disk_map),
    watched: agent.watchedDirectories(),
    containers: agent.containers(),
  };
}

/** Lines of `/proc/mounts`; those of another form are skipped. */
export function parseMounts(text: string): MountLine[] {
  return text.split('\n').flatMap((line) => {
    const [, mountpoint, type, options] = line.split(' ');
    return options === undefined ? [] : [{ mountpoint: mountpoint!, type: type!, options: options.split(','), line }];
  });
}

function v1Mount(mounts: readonly MountLine[], controller: string): string | undefined {
  return mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller))?.mountpoint;
}

function v1File(mounts: readonly MountLine[], controller: string, file: string): string {
  return join(v1Mount(mounts, controller) ?? '/nonexistent', file);
}

function v1Parent(mounts: readonly MountLine[]): CgroupMount | undefined {
  const mount = v1Mount(mounts, 'cpu');
  return mount === undefined ? undefined : lookAt(dirname(mount));
}

function lookAt(path: string): CgroupMount {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return { path, directories: entries.filter((entry) => entry.isDirectory()).map(({ name }) => name) };
  } catch (error) {
    return { path, failure: messageOf(error) };
  }
}

/** The root cgroup of v2 has no limits of its own: one below it shows whether the kernel knows them. */
function hasCpuMax(root: string): boolean {
  const mount = lookAt(root);
  return 'directories' in mount && mount.directories.some((name) => existsSync(join(root, name, 'cpu.max')));
}

function textOf(path: string): string {
  return readText(path)?.trim() ?? '';
}
