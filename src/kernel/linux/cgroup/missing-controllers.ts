import { join } from 'node:path';
import {
  type Controller,
  type Finding,
  type HostPaths,
  type KernelController,
  parseCgroups,
  readText,
} from '../../contracts/index.js';

/** The controllers whose absence removes metrics. */
const EXPECTED: readonly Controller[] = ['cpu', 'cpuacct', 'cpuset', 'memory', 'blkio', 'pids', 'hugetlb'];

/** Without one of these a whole group of metrics is missing. */
const ESSENTIAL: ReadonlySet<Controller> = new Set(['cpu', 'cpuacct', 'memory']);
const OPTIONAL: ReadonlySet<Controller> = new Set(['hugetlb', 'cpuset', 'pids']);

export interface MissingController {
  readonly what: string;
  /** The cause and what the user can do. */
  readonly reason: string;
  /** By how many metrics are missing without it. */
  readonly severity: Finding['severity'];
}

/** Explains why expected controllers are missing from the hierarchies, and what the user can do. */
export function missingControllers(
  paths: HostPaths,
  version: 1 | 2,
  present: ReadonlySet<Controller>,
): MissingController[] {
  if (present.size === 0) {
    const reason = `no cgroup hierarchy below ${paths.cgroup}: mount one, or name its directory`;
    return [{ what: 'cgroups', reason, severity: 'error' }];
  }
  const kernel = parseCgroups(readText(join(paths.proc, 'cgroups')) ?? '');
  return EXPECTED.filter((controller) => !present.has(controller)).map((controller) => ({
    what: `${controller} controller`,
    reason: version === 1 ? reasonOnV1(controller, kernel) : reasonOnV2(controller, kernel),
    severity: ESSENTIAL.has(controller) ? 'error' : OPTIONAL.has(controller) ? 'info' : 'warning',
  }));
}

function reasonOnV1(controller: Controller, kernel: ReadonlyMap<string, KernelController>): string {
  const known = kernel.get(controller);
  if (known === undefined) return 'the kernel was built without it';
  if (!known.enabled) return `the kernel has it switched off: boot with cgroup_enable=${controller}`;
  return known.hierarchy === 0
    ? `not mounted: mount -t cgroup -o ${controller} ${controller} /sys/fs/cgroup/${controller}`
    : 'mounted where the agent cannot see it';
}

function reasonOnV2(controller: Controller, kernel: ReadonlyMap<string, KernelController>): string {
  const name = controller === 'blkio' ? 'io' : controller;
  if (kernel.get(controller)?.enabled === false) {
    return `the kernel has it switched off: boot with cgroup_enable=${controller}`;
  }
  return `${name} is not in cgroup.controllers of the root cgroup: built without it, or in use by a v1 hierarchy`;
}
