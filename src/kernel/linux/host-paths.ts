import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { HostPaths } from '../contracts/index.js';

/** Where the host's root is mounted by convention when the agent runs in a container. */
const MOUNTED_ROOT = '/rootfs';

/**
 * The paths of the host's kernel filesystems. Configured paths take precedence; the others are below the root, which is
 * `/`, or `/rootfs` when the host's root directory is mounted there, as in cAdvisor.
 * @param exists replaceable for tests
 */
export function resolveHostPaths(
  config: { readonly [K in keyof HostPaths]?: string | undefined } = {},
  exists = existsSync,
): HostPaths {
  const root = config.root ?? (exists(join(MOUNTED_ROOT, 'proc/self')) ? MOUNTED_ROOT : '/');
  const below = (path: string, probe: string) => (exists(join(root, path, probe)) ? join(root, path) : join('/', path));
  const sys = config.sys ?? (config.root === undefined ? below('sys', 'class') : join(root, 'sys'));
  return {
    root,
    proc: config.proc ?? join(root, 'proc'),
    sys,
    cgroup: config.cgroup ?? join(sys, 'fs/cgroup'),
  };
}

/** Translates an absolute path on the host to the agent's path. */
export function hostFile(paths: HostPaths, path: string): string {
  if (path.startsWith('/proc/')) return join(paths.proc, path.slice('/proc'.length));
  if (path.startsWith('/sys/')) return join(paths.sys, path.slice('/sys'.length));
  return join(paths.root, path);
}
