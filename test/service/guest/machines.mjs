// Machines of the virtual machine: containers of systemd-nspawn, started by hand and as a service, and a guest that is registered
// with machined as libvirt does it.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { get, until } from './numbers.mjs';

const TREE = '/var/lib/machines/tree';
const BUSYBOX = '/usr/local/share/busybox.tar';
const GUEST = 'qemu-7-shop';
const NAMES = ['box-1', 'served', GUEST];
/** Of each machine, by `machinectl show`. */
const PROPERTIES = ['Name', 'Class', 'Service', 'Unit'];
const SLEEP = ['/bin/sleep', '100000'];

/** Starts the three. */
export function startMachines() {
  mkdirSync(`${TREE}/usr`, { recursive: true });
  execFileSync('tar', ['-xf', BUSYBOX, '-C', TREE]);
  const flags = ['--quiet', `--directory=${TREE}`, '--volatile=overlay', '--resolv-conf=off', '--timezone=off'];
  const machine = ['systemd-nspawn', ...flags, '--machine=box-1', '--private-network', ...SLEEP];
  execFileSync('systemd-run', ['--quiet', '--unit=tallyman-nspawn', ...machine]);
  startService('served');
  registerGuest(GUEST);
}

/** By the unit that the package has for it. Its network is the host's. */
function startService(name) {
  const exec = `[Exec]\nBoot=no\nParameters=${SLEEP.join(' ')}\nPrivateUsers=no\nResolvConf=off\nTimezone=off\n`;
  const rest = `[Network]\nVirtualEthernet=no\n[Files]\nVolatile=overlay\n`;
  mkdirSync('/run/systemd/nspawn', { recursive: true });
  writeFileSync(`/run/systemd/nspawn/${name}.nspawn`, exec + rest);
  execFileSync('ln', ['-s', TREE, `/var/lib/machines/${name}`]);
  execFileSync('systemctl', ['start', '--no-block', `systemd-nspawn@${name}.service`]);
}

/** A process with the command line of QEMU becomes the leader of a machine. */
function registerGuest(name) {
  const qemu = ['qemu-system-x86_64', '-name', 'guest=shop,debug-threads=on', '-S'];
  const leader = spawn('sh', ['-c', 'while :; do sleep 100000; done', ...qemu], { stdio: 'ignore', detached: true });
  leader.unref();
  const service = 'org.freedesktop.machine1';
  const target = [service, '/org/freedesktop/machine1', `${service}.Manager`, 'CreateMachine'];
  const uuid = ['16', ...Array.from({ length: 16 }, (_, index) => String(index + 1))];
  const properties = ['1', 'Slice', 's', 'machine.slice'];
  const machine = [name, ...uuid, 'libvirt-qemu', 'vm', String(leader.pid), '', ...properties];
  execFileSync('busctl', ['call', ...target, 'sayssusa(sv)', ...machine]);
}

/** What the agent reports about the machines, beside what `machinectl` says. */
export async function compareMachines() {
  let listed = [];
  await until('machined to know them', () => {
    listed = list();
    return NAMES.every((name) => listed.includes(name));
  });
  let reported = [];
  await until('the agent to know them', async () => {
    reported = Object.entries(await get('/api/v2.1/spec?type=machined&recursive=true'));
    return NAMES.every((name) => reported.some(([, spec]) => isComplete(spec, name)));
  });
  return {
    listed,
    reported: reported.map(([cgroup, { aliases, labels, has_network }]) => ({
      cgroup,
      aliases,
      labels,
      hasNetwork: has_network,
    })),
    shown: show(),
  };
}

/** Whether the agent has read what machined noted of the machine. */
const isComplete = ({ aliases, labels }, name) => aliases.includes(name) && labels['machined.class'] !== undefined;

/** Names of all machines but the host itself, `.host`. */
function list() {
  const text = execFileSync('machinectl', ['list', '--no-legend', '--no-pager'], { encoding: 'utf8' });
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[0])
    .filter((name) => name !== '' && name !== '.host')
    .sort();
}

function show() {
  const flags = PROPERTIES.map((property) => `--property=${property}`);
  const text = execFileSync('machinectl', ['show', ...flags, ...NAMES], { encoding: 'utf8' });
  return text
    .trim()
    .split('\n\n')
    .map((block) =>
      Object.fromEntries(block.split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)])),
    );
}
