// Runs in the virtual machine: starts limited systemd units and a Docker container, and copies their cgroup files, the
// root's, and the files of /proc and /sys that Tallyman reads to /output, as a tree that can stand in for the host's.
//
//   rm -r test/fixtures/cgroup-v2/{proc,sys,etc}
//   node test/vm/run.mjs --output test/fixtures/cgroup-v2 test/vm/record node record.mjs
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const CGROUPS = '/sys/fs/cgroup';
const output = '/output';

function run(command, ...args) {
  return execFileSync(command, args, { encoding: 'utf8' }).trim();
}

/** Copies one file; one that cannot be read (write-only, not supported, vanished) is left out. */
function record(path) {
  let content;
  try {
    content = readFileSync(path);
  } catch {
    return;
  }
  mkdirSync(join(output, dirname(path)), { recursive: true });
  writeFileSync(join(output, path), content);
}

/** Copies the files of one folder, not of those below. */
function recordFolder(folder, accept = () => true) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile() && accept(entry.name)) record(join(folder, entry.name));
  }
}

function recordLinks(folder) {
  mkdirSync(join(output, folder), { recursive: true });
  for (const name of readdirSync(folder)) {
    try {
      symlinkSync(readlinkSync(join(folder, name)), join(output, folder, name));
    } catch {} // a descriptor closed meanwhile
  }
}

/** Waits until a cgroup file matches; the machine is slow and its speed unknown, so nothing is timed. */
async function until(path, pattern) {
  const deadline = Date.now() + 120_000;
  while (!pattern.test(readFileSync(path, 'utf8'))) {
    if (Date.now() > deadline) throw new Error(`${path} did not come to match ${pattern}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Work that leaves a trace in every controller, then rest: burn, allocate, write, read back. */
const WORK = [
  'dd if=/dev/zero of=$FILE bs=64k count=64 conv=fsync',
  'cat $FILE >/dev/null',
  'i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done',
  'x=$(head -c 4000000 /dev/zero | tr "\\0" x)',
  'echo done >$FILE.done',
  'sleep 100000 & sleep 100000',
].join('\n');

function startUnit(name, properties) {
  const flags = Object.entries(properties).map(([key, value]) => `--property=${key}=${value}`);
  const script = WORK.replaceAll('$FILE', `/var/tmp/${name}`);
  run('systemd-run', '--quiet', `--unit=${name}`, ...flags, '/bin/bash', '-c', script);
}

function startContainer() {
  run('docker', 'import', '/usr/local/share/busybox.tar', 'busybox');
  const limits = ['--memory=48m', '--memory-reservation=32m', '--cpus=0.5', '--cpuset-cpus=0', '--pids-limit=20'];
  const identity = ['--name=fixture', '--label=tier=test', '--env=APP_TIER=front'];
  const script = WORK.replaceAll('$FILE', '/tmp/file');
  return run('docker', 'run', '--detach', ...limits, ...identity, 'busybox', '/bin/sh', '-c', script);
}

const units = {
  'tallyman-limited': {
    CPUQuota: '20%',
    CPUWeight: '50',
    MemoryMax: '64M',
    MemoryHigh: '48M',
    MemorySwapMax: '16M',
    TasksMax: '16',
    AllowedCPUs: '0',
    IOWeight: '50',
  },
  'tallyman-plain': { Slice: 'tallyman-batch.slice' },
};
for (const [name, properties] of Object.entries(units)) startUnit(name, properties);
const container = startContainer();
const cgroups = Object.fromEntries(
  Object.keys(units).map((name) => [name, run('systemctl', 'show', '--value', '--property=ControlGroup', name)]),
);
cgroups.container = `/system.slice/docker-${container}.scope`;
for (const cgroup of Object.values(cgroups)) await until(join(CGROUPS, cgroup, 'pids.current'), /^[3-9]/);
await until(join(CGROUPS, cgroups['tallyman-limited'], 'cpu.stat'), /^nr_throttled [1-9]/m);

const folders = new Set(['/init.scope']);
for (const cgroup of Object.values(cgroups)) {
  for (let path = cgroup; ; path = dirname(path)) {
    folders.add(path);
    if (path === '/') break;
  }
}
for (const folder of folders) recordFolder(join(CGROUPS, folder));

function readPids(cgroup) {
  return readFileSync(join(CGROUPS, cgroup, 'cgroup.procs'), 'utf8')
    .trim()
    .split('\n')
    .map(Number);
}
for (const [first, ...others] of [[1], ...Object.values(cgroups).map(readPids)]) {
  for (const pid of [first, ...others]) {
    for (const name of ['cgroup', 'schedstat', 'stat', 'status']) record(`/proc/${pid}/${name}`);
    recordLinks(`/proc/${pid}/fd`);
  }
  for (const name of ['cmdline', 'comm', 'limits', 'mountinfo']) record(`/proc/${first}/${name}`);
  for (const name of ['dev', 'netstat', 'route', 'snmp', 'tcp', 'tcp6', 'udp', 'udp6'])
    record(`/proc/${first}/net/${name}`);
}
const own = ['cgroup', 'mountinfo', 'mounts'];
for (const name of own) record(`/proc/self/${name}`);
for (const name of ['cgroups', 'cmdline', 'cpuinfo', 'diskstats', 'filesystems', 'loadavg', 'meminfo', 'partitions'])
  record(`/proc/${name}`);
for (const name of ['schedstat', 'stat', 'swaps', 'uptime', 'version', 'vmstat', 'sys/kernel/osrelease'])
  record(`/proc/${name}`);
for (const name of ['sys/kernel/hostname', 'sys/kernel/random/boot_id', 'sys/kernel/threads-max', 'sys/fs/file-max'])
  record(`/proc/${name}`);
recordFolder('/proc/pressure');
for (const name of ['machine-id', 'os-release', 'hostname']) record(`/etc/${name}`);

const cpus = '/sys/devices/system/cpu';
recordFolder(cpus, (name) => ['online', 'possible', 'present'].includes(name));
for (const cpu of readdirSync(cpus).filter((name) => /^cpu\d+$/.test(name))) {
  recordFolder(join(cpus, cpu, 'topology'));
  for (const index of readdirSync(join(cpus, cpu, 'cache')).filter((name) => name.startsWith('index')))
    recordFolder(join(cpus, cpu, 'cache', index));
}
const nodes = '/sys/devices/system/node';
recordFolder(nodes);
for (const node of readdirSync(nodes).filter((name) => /^node\d+$/.test(name))) {
  recordFolder(join(nodes, node), (name) => ['cpulist', 'cpumap', 'meminfo', 'distance'].includes(name));
  const pages = join(nodes, node, 'hugepages');
  for (const size of readdirSync(pages)) recordFolder(join(pages, size));
}
for (const size of readdirSync('/sys/kernel/mm/hugepages')) recordFolder(join('/sys/kernel/mm/hugepages', size));
for (const device of readdirSync('/sys/block')) {
  for (const name of ['dev', 'size', 'stat', 'queue/scheduler']) record(join('/sys/block', device, name));
}
for (const device of readdirSync('/sys/class/net')) {
  for (const name of ['address', 'mtu', 'speed', 'operstate']) record(join('/sys/class/net', device, name));
}
for (const name of ['product_uuid', 'product_name', 'sys_vendor']) record(`/sys/class/dmi/id/${name}`);

const { Memory, MemoryReservation, NanoCpus, CpusetCpus, PidsLimit } = JSON.parse(
  run('docker', 'inspect', 'fixture'),
)[0].HostConfig;
const docker = { Memory, MemoryReservation, NanoCpus, CpusetCpus, PidsLimit };
const known = { container, cgroups, limits: units, docker };
writeFileSync(join(output, 'units.json'), `${JSON.stringify(known, null, 2)}\n`);
run('docker', 'rm', '--force', 'fixture');
