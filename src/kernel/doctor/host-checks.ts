import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, type Finding, type HostPaths, messageOf, readText } from '../contracts/index.js';
import { type CgroupHierarchies, hostFile } from '../linux/index.js';
import { isContained } from './containment.js';

export interface HostFacts {
  readonly paths: HostPaths;
  readonly hierarchies: Pick<CgroupHierarchies, 'version' | 'mounts' | 'missing'>;
  /** The agent's root directory, which differs from the host's when it runs in a container. */
  readonly ownRoot: string;
}

export function controllerFindings({ hierarchies }: HostFacts): Finding[] {
  return hierarchies.missing.map(({ what, reason, severity }) => {
    const [name] = what.split(' ') as [string];
    const parameter = /boot with (\S+)/.exec(reason)?.[1];
    const mount = /mount -t .*$/.exec(reason)?.[0];
    return {
      id: `controller-${name}`,
      severity,
      what: `${what}: ${reason}`,
      effect: what === 'cgroups' ? 'No container is found.' : `No container has the numbers of the ${what}.`,
      mend: parameter === undefined ? (mount ?? remount(hierarchies.version)) : bootParameter(parameter),
    };
  });
}

function remount(version: 1 | 2): string {
  return version === 1
    ? 'mount --bind the host’s /sys/fs/cgroup where the agent sees it: docker run --volume=/sys/fs/cgroup:/sys/fs/cgroup:ro …'
    : 'boot with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all, or use a kernel that has it';
}

function bootParameter(parameter: string): string {
  return (
    `add ${parameter} to GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub && reboot ` +
    `(Raspberry Pi: add it to the line in /boot/firmware/cmdline.txt, then reboot)`
  );
}

export function pressureFinding({ paths }: HostFacts): Finding | undefined {
  // With psi=0 the files exist but reading them fails with EOPNOTSUPP.
  if (readText(join(paths.proc, 'pressure/cpu')) !== undefined) return undefined;
  return {
    id: 'psi',
    severity: 'info',
    what: 'the kernel measures no pressure (PSI): it is off, or older than 4.20',
    effect: 'container_pressure_* and the key psi are missing.',
    mend: bootParameter('psi=1'),
  };
}

export function procFinding({ paths }: HostFacts): Finding | undefined {
  if (readText(join(paths.proc, '1/stat')) !== undefined) return undefined;
  const hidden = /^\S+ \S+ \S+ \S+ (\S+) [^\n]* - proc [^\n]*hidepid=(?!0|off)/m.test(
    readText(join(paths.proc, 'self/mountinfo')) ?? '',
  );
  return {
    id: 'proc-hidden',
    severity: 'error',
    what: hidden
      ? `${paths.proc} is mounted with hidepid: the agent does not see processes of others`
      : `the agent cannot read the processes in ${paths.proc}`,
    effect: 'Network numbers, processes, open files and exact storage of containers are missing.',
    mend: hidden
      ? 'mount -o remount,hidepid=0 /proc, or run the agent as root or in the group of the gid= option of /proc'
      : 'run the agent as root, or in a container with --pid=host',
  };
}

export function kernelLogFinding({ paths, ownRoot }: HostFacts): Finding | undefined {
  const file = hostFile(paths, '/dev/kmsg');
  try {
    closeSync(openSync(file, constants.O_RDONLY | constants.O_NONBLOCK));
    return undefined;
  } catch (error) {
    return {
      id: 'kernel-log',
      severity: 'info',
      what: `the kernel log cannot be read: ${messageOf(error)}`,
      effect:
        'OOM kills are counted, but their events name no process; those of a container that ended at once are lost, unless its engine reports them.',
      mend: isContained(ownRoot)
        ? 'docker run --cap-add=SYSLOG --device=/dev/kmsg:/dev/kmsg:r …'
        : codeOf(error) === 'ENOENT'
          ? 'mknod /dev/kmsg c 1 11'
          : 'tallyman service privileges && systemctl restart tallyman; without the service: run the agent as root',
    };
  }
}

/** Reports mounts that an agent in a container lacks. */
export function mountFindings({ paths, hierarchies, ownRoot }: HostFacts): Finding[] {
  const findings: Finding[] = [];
  if (isContained(ownRoot) && paths.root === '/') {
    findings.push({
      id: 'host-not-mounted',
      severity: 'error',
      what: 'the agent runs in a container without the host’s root directory',
      effect: 'Filesystems, machine id, versions and processes are the container’s, not the host’s.',
      mend: 'docker run --volume=/:/rootfs:ro,rslave …',
    });
  }
  // The real root cgroup has no type.
  const [mount] = hierarchies.mounts;
  if (hierarchies.version === 2 && mount !== undefined && existsSync(join(mount.path, 'cgroup.type'))) {
    findings.push({
      id: 'cgroup-namespace',
      severity: 'error',
      what: `${mount.path} is a part of the cgroup tree only: the agent is in a cgroup namespace`,
      effect: 'Only what runs in the agent’s own container is found.',
      mend: 'docker run --volume=/:/rootfs:ro,rslave …, or docker run --cgroupns=host --volume=/sys/fs/cgroup:/sys/fs/cgroup:ro …',
    });
  }
  return findings;
}
