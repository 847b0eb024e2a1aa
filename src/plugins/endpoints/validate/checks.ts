import type { Facts } from './facts.js';

export const VERDICTS = {
  recommended: '[Supported and recommended]',
  supported: '[Supported, but not recommended]',
  unsupported: '[Unsupported]',
  unknown: '[Unknown]',
} as const;

export interface Section {
  readonly title: string;
  readonly verdict: keyof typeof VERDICTS;
  /** The result, and what to do. */
  readonly lines: readonly string[];
}

export const CHECKS: readonly ((facts: Facts) => Section)[] = [
  kernel,
  controllers,
  cgroupMounts,
  dockerVersion,
  dockerDriver,
  blockDevices,
];

const REQUIRED = { 1: ['cpu', 'cpuacct'], 2: ['cpu'] } as const;
const WANTED = {
  1: ['memory', 'blkio', 'cpuset', 'devices', 'freezer'],
  2: ['memory', 'io', 'cpuset', 'pids'],
} as const;
const NORMAL_MOUNT = '/sys/fs/cgroup';
/** Schedulers that count a container's I/O in more ways than bytes and operations. */
const COUNTING_SCHEDULERS = ['cfq', 'bfq'];

function section(title: string, verdict: Section['verdict'], ...lines: readonly string[]): Section {
  return { title, verdict, lines };
}

/** NaN where a text does not begin with such a number. */
function versionIn(text: string): { readonly major: number; readonly minor: number } {
  const [, major = Number.NaN, minor = Number.NaN] = /^(\d+)\.(\d+)/.exec(text)?.map(Number) ?? [];
  return { major, minor };
}

function kernel({ kernelVersion }: Facts): Section {
  const { major, minor } = versionIn(kernelVersion);
  const judged = (verdict: Section['verdict'], judgement: string): Section =>
    section('Kernel version', verdict, `This host runs Linux ${kernelVersion}. ${judgement}`);
  if (Number.isNaN(major)) return judged('unknown', 'That is no version number.');
  if (major >= 3) return judged('recommended', 'From 3.0 on everything that is measured can be there.');
  if (major === 2 && minor >= 6) return judged('supported', 'Before 3.0 much of what is measured is missing.');
  return judged('unsupported', 'Before 2.6 there are no cgroups.');
}

function controllers(facts: Facts): Section {
  const { cgroupVersion, controllers: available } = facts;
  const missing = (names: readonly string[]): string[] => names.filter((name) => !available.includes(name));
  const lacking = missing(REQUIRED[cgroupVersion]);
  const wanting = missing(WANTED[cgroupVersion]);
  const lines = [`Controllers that the kernel offers: ${available.join(' ') || 'none'}.`];
  if (lacking.length > 0) lines.push(`Without ${lacking.join(' and ')} there are no CPU numbers.`);
  if (wanting.length > 0) {
    lines.push(`Not there: ${wanting.join(', ')}. What they measure stays empty; see the kernel's boot parameters.`);
  }
  lines.push(
    facts.hierarchicalMemory
      ? 'Memory of a container includes that of the containers below it.'
      : 'Memory of a container leaves out the containers below it (memory.use_hierarchy is 0).',
    facts.cpuBandwidth
      ? 'CPU time can be limited, and throttling is counted.'
      : 'CPU time cannot be limited: the kernel has no CFS bandwidth control, or no cgroup shows it.',
  );
  const verdict = lacking.length > 0 ? 'unsupported' : wanting.length > 0 ? 'supported' : 'recommended';
  return section('Cgroup setup', verdict, ...lines);
}

function cgroupMounts({ cgroupMount: mount, mounts }: Facts): Section {
  const title = 'Cgroup mount setup';
  if (mount === undefined) {
    return section(title, 'unknown', 'No mount of the cpu controller was found in /proc/self/mounts.');
  }
  if ('failure' in mount) {
    return section(title, 'unsupported', `${mount.path} cannot be read: ${mount.failure}.`);
  }
  const normal = mount.path === NORMAL_MOUNT;
  return section(
    title,
    normal ? 'recommended' : 'supported',
    `Cgroups are below ${mount.path}${normal ? '' : `; other programs expect them below ${NORMAL_MOUNT}`}.`,
    `Directories there: ${mount.directories.join(' ')}`,
    'Mounts:',
    ...mounts.map(({ line }) => line),
  );
}

function dockerVersion({ dockerVersion: version }: Facts): Section {
  const { major, minor } = versionIn(version ?? '');
  const judged = (verdict: Section['verdict'], line: string): Section => section('Docker version', verdict, line);
  if (version === undefined) return judged('unknown', 'No Docker daemon answers.');
  if (Number.isNaN(major)) return judged('unknown', `The Docker daemon calls itself ${version}.`);
  const name = `Docker is ${version}.`;
  if (major > 1 || (major === 1 && minor >= 2)) return judged('recommended', name);
  if (major === 1) return judged('supported', `${name} 1.2 and later tell more.`);
  return judged('unsupported', `${name} Before 1.0 the daemon's API is another one.`);
}

function dockerDriver({ engines }: Facts): Section {
  const title = 'Docker driver setup';
  const docker = engines.filter(({ runtime }) => runtime === 'docker');
  const drivers = docker.flatMap(({ info }) => (info?.storageDriver ? [info.storageDriver] : []));
  if (drivers.length > 0) return section(title, 'recommended', `Storage driver: ${drivers.join(', ')}.`);
  const reasons = docker.map(({ endpoint, reason }) => reason ?? `${endpoint} names no storage driver`);
  if (reasons.length === 0) reasons.push('No Docker handler runs: see `plugins` in the configuration.');
  return section(title, 'unsupported', ...reasons);
}

function blockDevices({ disks }: Facts): Section {
  const counted = disks.some(({ scheduler }) => COUNTING_SCHEDULERS.includes(scheduler));
  return section(
    'Block device setup',
    counted ? 'recommended' : 'supported',
    counted
      ? 'A disk has a scheduler that counts times and queues of each container, on cgroup v1.'
      : 'No disk has the scheduler cfq or bfq: of each container bytes and operations are counted, no times or queues.',
    ...disks.map(({ name, scheduler }) => `Disk "${name}": scheduler "${scheduler}"`),
  );
}
