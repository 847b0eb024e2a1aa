import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type Controller, type HostPaths, readNames, readText } from '../../contracts/index.js';
import { type Mount, parseMountinfo } from '../mounts.js';
import { type MissingController, missingControllers } from './missing-controllers.js';

/** A mounted hierarchy and its controllers; on v2 there is one. */
export interface CgroupMount {
  readonly controllers: readonly Controller[];
  readonly path: string;
}

export interface CgroupHierarchies {
  /** 1 for split or co-mounted v1 hierarchies, also on hybrid hosts; 2 for the unified hierarchy alone. */
  readonly version: 1 | 2;
  /** v1: one entry per mounted hierarchy that has a controller of interest; v2: one entry. */
  readonly mounts: readonly CgroupMount[];
  /** Root of the cgroup2 mount: the only hierarchy on v2, the extra one of hybrid hosts on v1. */
  readonly unified?: string;
  /** Controllers that the host does not provide, with cause and remedy. */
  readonly missing: readonly MissingController[];
}

export const CONTROLLERS: readonly Controller[] = [
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'blkio',
  'pids',
  'devices',
  'hugetlb',
  'perf_event',
];
const STANDARD_MOUNT = '/sys/fs/cgroup';

/** A cgroup mount and its path as seen by the agent. */
interface Candidate {
  readonly mount: Mount;
  readonly path: string;
}

/**
 * Finds the cgroup hierarchies: among the mounts below `paths.cgroup`; else, when the host's filesystems were moved or
 * copied elsewhere, in the directories there; else wherever cgroups are mounted.
 */
export function detectHierarchies(paths: HostPaths): CgroupHierarchies {
  const mounts = parseMountinfo(readText(join(paths.proc, 'self/mountinfo')) ?? '').filter(
    (mount) => mount.type === 'cgroup' || mount.type === 'cgroup2',
  );
  const here = candidates(mounts, paths.cgroup, paths.cgroup);
  const found =
    fromMounts(here, paths.cgroup) ??
    fromMounts(candidates(mounts, STANDARD_MOUNT, paths.cgroup), paths.cgroup) ??
    fromDirectories(paths.cgroup) ??
    fromMounts(
      mounts.map((mount) => ({ mount, path: mount.mountpoint })),
      paths.cgroup,
    ) ??
    ({ version: 2, mounts: [] } as const);
  return { ...found, missing: missingControllers(paths, found.version, presentIn(found)) };
}

type Found = Omit<CgroupHierarchies, 'missing'>;

function presentIn(found: Found): ReadonlySet<Controller> {
  const unified = found.version === 2 ? found.unified : undefined;
  return new Set(
    unified === undefined ? found.mounts.flatMap((mount) => mount.controllers) : controllersOffered(unified),
  );
}

function candidates(mounts: readonly Mount[], from: string, to: string): Candidate[] {
  return mounts
    .filter(({ mountpoint }) => mountpoint === from || mountpoint.startsWith(`${from}/`))
    .map((mount) => ({ mount, path: to + mount.mountpoint.slice(from.length) }))
    .filter(({ mount, path }) => (mount.type === 'cgroup2' ? isUnified(path) : existsSync(path)));
}

function fromMounts(all: readonly Candidate[], cgroupRoot: string): Found | undefined {
  const visible = new Map(all.map((candidate) => [candidate.path, candidate]));
  const ranked = [...visible.values()].sort((a, b) => rank(a.mount) - rank(b.mount));
  const unified = ranked.find(({ mount }) => mount.type === 'cgroup2')?.path;
  const taken = new Set<Controller>();
  const mounts: CgroupMount[] = [];
  for (const { mount, path } of ranked) {
    if (mount.type !== 'cgroup') continue;
    const controllers = CONTROLLERS.filter((name) => mount.superOptions.includes(name) && !taken.has(name));
    for (const controller of controllers) taken.add(controller);
    if (controllers.length > 0) mounts.push({ controllers, path });
  }
  return assemble(mounts, unified, cgroupRoot);
}

/** Prefers a mount of a whole hierarchy to one of a part of it (a container's own). */
function rank(mount: Mount): number {
  if (mount.root.startsWith('/..')) return 0;
  return mount.root === '/' ? 1 : 2;
}

function fromDirectories(cgroupRoot: string): Found | undefined {
  if (isUnified(cgroupRoot)) return assemble([], cgroupRoot, cgroupRoot);
  const byDirectory = new Map<string, CgroupMount>();
  const taken = new Set<Controller>();
  for (const name of readNames(cgroupRoot).sort()) {
    const words = name.split(',');
    const controllers = CONTROLLERS.filter((controller) => words.includes(controller) && !taken.has(controller));
    const path = join(cgroupRoot, name);
    const real = realPath(path);
    if (controllers.length === 0 || real === undefined) continue;
    const sharing = byDirectory.get(real);
    byDirectory.set(real, {
      controllers: [...(sharing?.controllers ?? []), ...controllers],
      path: sharing?.path ?? path,
    });
    for (const controller of controllers) taken.add(controller);
  }
  const unified = join(cgroupRoot, 'unified');
  return assemble([...byDirectory.values()], isUnified(unified) ? unified : undefined, cgroupRoot);
}

function assemble(v1: readonly CgroupMount[], unified: string | undefined, cgroupRoot: string): Found | undefined {
  if (unified !== undefined && (v1.length === 0 || unified === cgroupRoot)) {
    return { version: 2, mounts: [{ controllers: unifiedControllers(unified), path: unified }], unified };
  }
  if (v1.length === 0) return undefined;
  return unified === undefined ? { version: 1, mounts: v1 } : { version: 1, mounts: v1, unified };
}

/** The names in a v2 directory's `cgroup.controllers`, `io` as on v1; `undefined` where there is no such file. */
export function controllersIn(directory: string): ReadonlySet<string> | undefined {
  const text = readText(join(directory, 'cgroup.controllers'));
  return text === undefined ? undefined : new Set(text.split(/\s+/).map((name) => (name === 'io' ? 'blkio' : name)));
}

/** The controllers that the root cgroup provides to its children. */
function controllersOffered(root: string): Controller[] {
  const offered = controllersIn(root);
  return CONTROLLERS.filter((name) => name === 'cpuacct' || offered?.has(name));
}

/** CPU accounting and perf events are always available on v2. */
function unifiedControllers(root: string): Controller[] {
  const offered = controllersOffered(root);
  return CONTROLLERS.filter((name) => name === 'cpu' || name === 'perf_event' || offered.includes(name));
}

function isUnified(path: string): boolean {
  return controllersIn(path) !== undefined;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
