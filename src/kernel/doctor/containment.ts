import { existsSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from '../contracts/index.js';

/** Inode numbers of the namespaces that the kernel makes at boot (`PROC_PID_INIT_INO`, `PROC_CGROUP_INIT_INO`). */
const INITIAL = { pid: 4026531836, cgroup: 4026531835 };
const MARKER_FILES = ['.dockerenv', 'run/.containerenv'];
/** With storage drivers without layers (vfs, btrfs) the path identifies a container's root. */
const ENGINE_DIRECTORY = /\/(docker|containers|containerd)\//;

/**
 * Whether the agent runs in a container of an engine. No single sign is sufficient: virtual machines made from images
 * have the marker file, live systems an overlay root, WSL and system containers their own namespaces.
 * @param ownRoot the agent's root directory
 */
export function isContained(ownRoot: string): boolean {
  const proc = join(ownRoot, 'proc');
  const hasOwnPids = isOwnNamespace(proc, 'pid');
  if (!hasOwnPids && isRootOfInit(ownRoot)) return false;
  const signs = [
    MARKER_FILES.some((name) => existsSync(join(ownRoot, name))),
    isLayer(readText(join(proc, 'self/mountinfo')) ?? ''),
    isOwnNamespace(proc, 'cgroup'),
    hasOwnPids && !/^(systemd|init)/.test(readText(join(proc, '1/comm')) ?? ''),
  ];
  return signs.filter(Boolean).length > 1;
}

function isOwnNamespace(proc: string, kind: keyof typeof INITIAL): boolean {
  try {
    return readlinkSync(join(proc, `self/ns/${kind}`)) !== `${kind}:[${INITIAL[kind]}]`;
  } catch {
    return false;
  }
}

/** Whether pid 1 has the same root directory; false without permission. */
function isRootOfInit(ownRoot: string): boolean {
  try {
    const [own, init] = [statSync(ownRoot), statSync(join(ownRoot, 'proc/1/root'))];
    return own.dev === init.dev && own.ino === init.ino;
  } catch {
    return false;
  }
}

/** Whether the root is a container's writable layer. */
function isLayer(mountinfo: string): boolean {
  const [, path = '', type = ''] = /^\S+ \S+ \S+ (\S+) \/ [^\n]* - (\S+) /m.exec(mountinfo) ?? [];
  return /^(overlay|aufs|fuse\.fuse-overlayfs)$/.test(type) || ENGINE_DIRECTORY.test(path);
}
