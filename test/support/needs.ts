// What tests need beside Node and npm. Where it is missing they are left out with the reason, and scripts/test.mjs says
// in the end how many of them and how to run them.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { resolveHostPaths } from '../../src/kernel/linux/host-paths.js';
import { detectHierarchies } from '../../src/kernel/linux/index.js';

/** Capabilities by their bits in /proc/self/status. */
const [CAP_SYS_ADMIN, CAP_SYSLOG] = [21n, 34n];
/** Where programs are besides the PATH of ordinary users. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
/** Set by scripts/test.mjs when nobody asked for tests that start engines, browsers and virtual machines. */
const isLight = process.env.TALLYMAN_TEST_LIGHT === '1';

const hierarchies = detectHierarchies(resolveHostPaths());
const isRoot = process.geteuid?.() === 0;
const isExecutable = (path: string) => canAccess(path, constants.X_OK) && statSync(path).isFile();
const folders = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS];
const has = (program: string) => folders.some((folder) => isExecutable(join(folder, program)));
const canMakeCgroups = () => hasMeasuringControllers() && hierarchies.mounts.every(({ path }) => canAccess(path));

/** Where test/statsd/fetch.sh lays the StatsD daemon down. */
export const STATSD_CACHE = process.env.TALLYMAN_STATSD_CACHE ?? '/var/cache/tallyman-statsd';
/** Where test/kafka/fetch.sh lays a broker down. */
export const KAFKA_CACHE = process.env.TALLYMAN_KAFKA_CACHE ?? '/var/cache/tallyman-kafka';

/** Says of each need what to call it where it is missing. */
const NEEDS = {
  root: () => isRoot || 'root',
  /** Cgroups of the test's own, in every hierarchy. */
  cgroups: () => canMakeCgroups() || 'the right to make cgroups',
  'cgroup v1': () => hierarchies.version === 1 || 'cgroup v1',
  'cgroup2 controllers': () => offersUnifiedController() || 'a cgroup2 mount with a controller',
  /** Mounts and namespaces of the test's own. */
  mounts: () => (hasCapability(CAP_SYS_ADMIN) && canUnshareMounts()) || 'the right to mount',
  /** Tunnels over UDP in a network namespace of the test's own. */
  vxlan: () => canMakeTunnels() || 'network interfaces of type vxlan',
  /** Node and temporary folders where other users come by them. */
  'other users': () =>
    [process.execPath, join(tmpdir(), 'file')].every(isPassable) || 'Node and TMPDIR where other users can read them',
  'kernel log': () => {
    if (isLight) return 'to be asked to write into the kernel log';
    return (hasCapability(CAP_SYSLOG) && canAccess('/dev/kmsg', constants.R_OK | constants.W_OK)) || 'the kernel log';
  },
  engine: () => !isLight || 'to be asked to start container engines',
  docker: () => (has('docker') && has('dockerd')) || 'docker and dockerd (docker.io)',
  podman: () => has('podman') || 'podman',
  containerd: () => (has('containerd') && has('ctr') && has('runc')) || 'containerd, ctr and runc (containerd)',
  'static busybox': () => existsSync('/usr/bin/busybox') || '/usr/bin/busybox (busybox-static)',
  browser: () => !isLight || 'to be asked to start a browser',
  chromium: () => has('chromium') || 'chromium',
  'virtual machine': () => !isLight || 'to be asked to boot a virtual machine',
  'virtual machine image': () => existsSync(join(machineCache(), 'stamp')) || 'the virtual machine of test/vm/build.sh',
  statsd: () => existsSync(join(STATSD_CACHE, 'stamp')) || 'the StatsD daemon (test/statsd/fetch.sh)',
  kafka: () => existsSync(join(KAFKA_CACHE, 'stamp')) || 'a Kafka broker (test/kafka/fetch.sh)',
  registry: () => !isLight || 'to be asked to install packages from the npm registry',
} satisfies Record<string, () => true | string>;

/** Programs, by the Debian package that has them. */
const PROGRAMS = {
  bash: 'bash',
  curl: 'curl',
  'docker-compose': 'docker-compose',
  'dpkg-deb': 'dpkg',
  fish: 'fish',
  influxd: 'influxdb',
  ip: 'iproute2',
  java: 'openjdk-17-jre-headless',
  jq: 'jq',
  kubectl: 'kubernetes-client',
  logrotate: 'logrotate',
  'lxc-start': 'lxc',
  mandoc: 'mandoc',
  nginx: 'nginx-light',
  nsenter: 'util-linux',
  openssl: 'openssl',
  prlimit: 'util-linux',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  ps: 'procps',
  'redis-server': 'redis-server',
  setpriv: 'util-linux',
  'victoria-metrics': 'victoria-metrics',
  tmux: 'tmux',
  vmalert: 'victoria-metrics',
  zsh: 'zsh',
};

/** Programs that serve, and are started only when they are asked for. */
const SERVERS: readonly string[] = ['influxd', 'java', 'nginx', 'prometheus', 'redis-server', 'victoria-metrics'];

export type Need = keyof typeof NEEDS | keyof typeof PROGRAMS;

/** What a container engine of the test's own needs. */
export const DOCKER_ENGINE: readonly Need[] = ['engine', 'root', 'cgroups', 'mounts', 'docker', 'static busybox'];
export const CONTAINERD_ENGINE: readonly Need[] = [
  'engine',
  'root',
  'cgroups',
  'mounts',
  'containerd',
  'static busybox',
];
export const PODMAN_ENGINE: readonly Need[] = [
  'engine',
  'root',
  'cgroups',
  'mounts',
  'podman',
  'static busybox',
  'curl',
];

/**
 * Why a test cannot run here, for its option `skip`: `describe('…', { skip: needs('root', 'curl') }, …)`. Hooks have to
 * be inside the suite: those of a file run also where all its tests are left out.
 * @returns `false` when nothing is missing
 */
export function needs(...wanted: readonly Need[]): string | false {
  const missing = wanted.map(lackOf).filter((lack) => lack !== undefined);
  return missing.length === 0 ? false : `needs ${[...new Set(missing)].join(', ')}`;
}

function lackOf(need: Need): string | undefined {
  if (need in PROGRAMS) {
    if (isLight && SERVERS.includes(need)) return 'to be asked to start servers such as Prometheus';
    const debianPackage = PROGRAMS[need as keyof typeof PROGRAMS];
    if (has(need)) return undefined;
    return debianPackage === need ? need : `${need} (${debianPackage})`;
  }
  const found = NEEDS[need as keyof typeof NEEDS]();
  return found === true ? undefined : found;
}

/** Whether all users can go through the folders above a file. */
function isPassable(path: string): boolean {
  const folder = dirname(path);
  return (statSync(folder).mode & 0o001) !== 0 && (folder === '/' || isPassable(folder));
}

function canAccess(path: string, mode = constants.W_OK): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function hasCapability(bit: bigint): boolean {
  const effective = /^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> bit) & 1n) === 1n;
}

function canMakeTunnels(): boolean {
  const tunnel = ['ip', 'link', 'add', 'test0', 'type', 'vxlan', 'id', '7', 'dstport', '4789'];
  return isRoot && spawnSync('unshare', ['--net', ...tunnel]).status === 0;
}

/** In a chroot, whose root is no mount, it cannot be done. */
function canUnshareMounts(): boolean {
  return spawnSync('unshare', ['--mount', 'true']).status === 0;
}

/** Whether cgroups that are made in the root get the controllers that tests measure by. */
function hasMeasuringControllers(): boolean {
  const { version, mounts, unified } = hierarchies;
  const given: readonly string[] =
    version === 1 ? mounts.flatMap(({ controllers }) => controllers) : wordsOf(`${unified}/cgroup.subtree_control`);
  return ['cpu', 'memory', 'pids', version === 1 ? 'blkio' : 'io'].every((controller) => given.includes(controller));
}

function offersUnifiedController(): boolean {
  const offered = hierarchies.unified === undefined ? [] : wordsOf(`${hierarchies.unified}/cgroup.controllers`);
  return ['pids', 'memory', 'hugetlb'].some((controller) => offered.includes(controller));
}

function wordsOf(file: string): string[] {
  return canAccess(file, constants.R_OK) ? readFileSync(file, 'utf8').split(/\s+/) : [];
}

function machineCache(): string {
  return process.env.TALLYMAN_VM_CACHE ?? '/var/cache/tallyman-vm';
}
