import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type LinuxHost, type NetworkMode, readText } from '../../../kernel/contracts/index.js';

/** The init process is in the container's cgroup or near it; a container may make any number of cgroups. */
const MAX_DIRECTORIES = 64;
const MAX_PIDS = 500;

/** The directories of a cgroup: one on v2, one in each hierarchy on v1. */
export function cgroupDirectories(mount: string, path: string): readonly string[] {
  const unified = join(mount, path);
  const candidates = [unified, ...childrenOf(mount).map((hierarchy) => join(mount, hierarchy, path))];
  return candidates.filter((directory) => readText(join(directory, 'cgroup.procs')) !== undefined);
}

export function isFrozen(directories: readonly string[]): boolean {
  return directories.some(
    (directory) =>
      /^frozen 1$/m.test(readText(join(directory, 'cgroup.events')) ?? '') ||
      readText(join(directory, 'freezer.state'))?.startsWith('FROZEN') === true,
  );
}

/**
 * The process of the cgroup, or of one below it, that is pid 1 in its own pid namespace; of several the outermost, since a
 * container may hold others.
 */
export function initPid(directories: readonly string[], linux: LinuxHost): number | undefined {
  let found: { pid: number; depth: number } | undefined;
  for (const pid of pidsBelow(directories)) {
    const namespaces = /^NSpid:\s+(.*)$/m.exec(linux.procText(`${pid}/status`) ?? '')?.[1]?.split(/\s+/) ?? [];
    if (namespaces.length < 2 || namespaces.at(-1) !== '1') continue;
    if (found === undefined || namespaces.length < found.depth) found = { pid, depth: namespaces.length };
  }
  return found?.pid;
}

/**
 * Whether a process has a network of its own. Where its namespace cannot be read (that takes CAP_SYS_PTRACE), its
 * interfaces are compared with the host's.
 */
export function networkModeOf(pid: number, linux: LinuxHost): NetworkMode {
  const [own, host] = [namespaceOf(pid, linux), namespaceOf(1, linux)];
  if (own !== undefined && host !== undefined) return own === host ? 'host' : 'own';
  const interfaces = interfacesOf(pid, linux);
  if (interfaces === undefined) return 'none';
  return interfaces === interfacesOf(1, linux) ? 'host' : 'own';
}

function namespaceOf(pid: number, linux: LinuxHost): string | undefined {
  try {
    return readlinkSync(join(linux.paths.proc, String(pid), 'ns/net'));
  } catch {
    return undefined;
  }
}

function interfacesOf(pid: number, linux: LinuxHost): string | undefined {
  const lines = linux.procText(`${pid}/net/dev`)?.split('\n').slice(2);
  return lines
    ?.map((line) => line.split(':')[0]!.trim())
    .sort()
    .join();
}

function* pidsBelow(directories: readonly string[]): Generator<number> {
  const queue = [...directories];
  const seen = new Set<number>();
  for (let looked = 0; queue.length > 0 && looked < MAX_DIRECTORIES; looked++) {
    const directory = queue.shift()!;
    for (const line of readText(join(directory, 'cgroup.procs'))?.split('\n') ?? []) {
      const pid = Number(line);
      if (pid <= 0 || seen.has(pid)) continue;
      if (seen.size >= MAX_PIDS) return;
      seen.add(pid);
      yield pid;
    }
    queue.push(...childrenOf(directory).map((child) => join(directory, child)));
  }
}

function childrenOf(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}
