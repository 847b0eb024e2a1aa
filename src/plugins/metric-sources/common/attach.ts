import type { Absent, Controller, ProbeTarget } from '../../../kernel/contracts/index.js';

const MOUNT_HINT: Partial<Record<Controller, string>> = {
  memory: '; on boards that switch it off, boot with cgroup_enable=memory',
  blkio: '; the kernel needs CONFIG_BLK_CGROUP',
};

/**
 * The answer when a container has no directory of a controller, or the directory lacks the controller's files. For the
 * machine this is a lack; for a container it is the normal case of a cgroup that uses other controllers.
 */
export function withoutController(target: ProbeTarget, controller: Controller): Absent {
  const name = target.cgroup.version === 2 && controller === 'blkio' ? 'io' : controller;
  if (target.isRoot)
    return { absent: `the ${name} controller is not mounted or not enabled${MOUNT_HINT[controller] ?? ''}` };
  const absent =
    target.cgroup.version === 1
      ? `the container has no directory in the ${name} hierarchy`
      : `the ${name} controller is not in cgroup.subtree_control of the parent cgroup`;
  return { absent, expected: true };
}
