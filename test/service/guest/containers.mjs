// A container of Docker, one of root's Podman and one of a user's in the virtual machine, all with the systemd driver.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { AGENT, ask, compareSpec, compareStats, get, until } from './numbers.mjs';
import { ROOTLESS_SOCKET } from './rootless.mjs';

const TAR = '/usr/local/share/busybox.tar';
const LIMITS = ['--memory=64m', '--cpus=0.25', '--cpu-shares=512', '--pids-limit=50'];
/** Leaves a trace in every controller and on the network, then sleeps: its numbers stand still. */
const TRACE = [
  'dd if=/dev/zero of=/data bs=64k count=32 conv=fsync',
  'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done',
  'ping -c 3 $(ip route | sed -n "s/default via \\([0-9.]*\\).*/\\1/p")',
  'touch /done',
  'exec sleep 100000',
].join('; ');

export const engines = [
  { name: 'of-docker', runtime: 'docker', image: 'busybox:1', flags: ['--cpuset-cpus=0'] },
  { name: 'of-podman', runtime: 'podman', image: 'localhost/busybox:1', flags: ['--cpuset-cpus=0'] },
  {
    name: 'of-alice',
    runtime: 'podman',
    image: 'localhost/busybox:1',
    address: ['--url', `unix://${ROOTLESS_SOCKET}`],
    flags: ['--network=none'], // no cpuset: that controller is not a user's by default
  },
];

/** Podman takes the presence of INVOCATION_ID for being a unit itself, and then leaves its monitor in the caller's cgroup. */
const { INVOCATION_ID: _, ...env } = process.env;
const cli = async (runtime, ...args) => (await promisify(execFile)(runtime, args, { env })).stdout.trim();

/** Starts the engine's container and waits until it has done its work. */
export async function startContainer({ name, runtime, image, address = [], flags }) {
  const engine = (...args) => cli(runtime, ...address, ...args);
  // Those of root have it since the machine was built.
  if (address.length > 0) await engine('import', TAR, image);
  const all = ['-d', `--name=${name}`, '--label=com.acme.tier=front', ...LIMITS, ...flags];
  const id = (await engine('run', ...all, image, 'sh', '-c', TRACE)).split('\n').at(-1);
  const pid = await engine('inspect', '-f', '{{.State.Pid}}', name);
  await until(`${name} to do its work`, () => existsSync(`/proc/${pid}/root/done`));
  const cgroup = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))[1];
  return { runtime, image, name, id, pid, cgroup };
}

/** Whether the API knows the container by its name. */
export async function isKnown({ runtime, name }) {
  const { ok } = await ask(`${AGENT}/api/v2.0/spec/${name}?type=${runtime}`);
  return ok;
}

/** What the API says of the container, by its name, and where it finds it by its id. */
export async function compareContainer({ runtime, image, name, id, pid, cgroup }) {
  const request = `/${name}?type=${runtime}`;
  const [[path, spec]] = Object.entries(await get(`/api/v2.0/spec${request}`));
  const byId = Object.keys(await get(`/api/v2.0/spec/${id.slice(0, 12)}?type=${runtime}`));
  const { aliases, namespace, labels } = spec;
  return {
    name,
    runtime,
    id,
    cgroup,
    image,
    reported: { path, byId, aliases, namespace, image: spec.image, labels },
    numbers: [
      ...(await compareStats(name, cgroup, { request, pid, processes: true })),
      ...(await compareSpec(name, cgroup, request)),
    ],
  };
}
