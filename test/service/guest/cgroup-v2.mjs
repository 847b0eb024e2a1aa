// Runs in the virtual machine, with the built agent in the working directory: starts limited systemd units, containers
// of Docker and Podman, a pod of containerd, machines of systemd-nspawn, and the agent, and writes to /output/verdict.json what the API said and what the kernel's files
// said just before and after. A second agent lacks what an administrator forgets: the socket of a user's Podman, and the
// right to read the kernel log. At the end units get into trouble, and containers, engines and the agent are killed.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAgent, stopAgent } from './agents.mjs';
import { compareContainer, engines, isKnown, startContainer } from './containers.mjs';
import { endContainers } from './ends.mjs';
import { compareMachines, startMachines } from './machines.mjs';
import { AGENT, CGROUPS, compareSpec, compareStats, get, startUnit, trace, until } from './numbers.mjs';
import { startHungry, starve } from './oom.mjs';
import { comparePods, startPods } from './pods.mjs';
import { ROOTLESS_SOCKET, startRootlessPodman, usersLetIn } from './rootless.mjs';
import { capsulesOf, compareTrouble, killWhileWriting, mountSmallDisk, RECORDER, startOrphan } from './trouble.mjs';
import { compareUnits, startNamedUnits } from './units.mjs';

/** Cgroup of the process that Podman keeps beside each container. */
const MONITOR = /libpod-conmon-[0-9a-f]{64}\.scope$/;

const UNITS = {
  'tallyman-resting': {
    script: [...trace, 'sleep 100000 & sleep 100000'],
    properties: {
      CPUQuota: '25%',
      CPUWeight: '50',
      MemoryMax: '64M',
      MemoryMin: '1M',
      TasksMax: '16',
      AllowedCPUs: '0',
    },
  },
  'tallyman-busy': {
    script: [...trace, 'while :; do :; done'],
    properties: { CPUQuota: '10%', MemoryMax: '48M', MemorySwapMax: '8M', TasksMax: '8', AllowedCPUs: '1' },
  },
  'tallyman-plain': { script: [...trace, 'exec sleep 100000'], properties: { Slice: 'tallyman-batch.slice' } },
};

const BLIND_AGENT = 'http://127.0.0.1:8081';
/** Root without these may not read the kernel log where it is restricted, as Debian has it. */
const WITHOUT_KERNEL_LOG = ['setpriv', '--bounding-set=-syslog,-sys_admin'];
/** Node is many times slower here than on a host. What is compared is sampled when it is asked for. */
const HOUSEKEEPING = 'housekeeping: { interval: 4s, maxInterval: 4s }\n';
/** As the finding about a user's Podman tells to write it, and what the comparison needs besides. */
const PODMAN = `{ use: podman, with: { endpoint: [unix:///run/podman/podman.sock, unix://${ROOTLESS_SOCKET}] } }`;
const MORE =
  '{ use: process }, { use: memory_numa }, { use: referenced_memory, with: { interval: 0s } }, { use: disk, with: { interval: 1s } }';
const CONFIG = `${HOUSEKEEPING}${RECORDER}plugins: [${PODMAN}, ${MORE}]\n`;

/**
 * Every cgroup that exists before and after the question is in the answer, and none that exists in neither. systemd's
 * mount units are not containers: nothing runs in them; nor are the scopes of Podman's monitor processes.
 */
async function compareTree() {
  const before = cgroupsBelow('/');
  const answer = Object.keys(await get('/api/v2.0/stats/?type=name&recursive=true&count=1'));
  const after = cgroupsBelow('/');
  const stable = before.filter((name) => after.includes(name));
  return {
    missing: stable.filter((name) => !answer.includes(name)),
    unknown: answer.filter((name) => !before.includes(name) && !after.includes(name)),
    found: stable.length,
    monitors: cgroupsBelow('/', () => true).filter((name) => MONITOR.test(name) && !answer.includes(name)).length,
  };
}

function cgroupsBelow(name, isWanted = (entry) => !entry.endsWith('.mount') && !MONITOR.test(entry)) {
  const below = readdirSync(join(CGROUPS, name), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && isWanted(entry.name))
    .flatMap((entry) => cgroupsBelow(join(name, entry.name), isWanted));
  return [name, ...below];
}

const ORPHAN = 'orphan';
const numbers = [];
const cgroups = {};
mountSmallDisk();
await startRootlessPodman();
startNamedUnits();
// Held up by their quotas, not by the machine: they do their work at the same time.
const units = Promise.all(
  Object.entries(UNITS).map(async ([name, unit]) => {
    cgroups[name] = await startUnit(name, unit);
  }),
);
const [started, podsOfCri] = await Promise.all([Promise.all(engines.map(startContainer)), startPods()]);
startMachines();
startOrphan(ORPHAN);
const hungry = await startHungry();
await units;
const agents = await Promise.all([
  startAgent('agent', AGENT, CONFIG),
  startAgent('blind-agent', BLIND_AGENT, `${HOUSEKEEPING}${RECORDER}`, WITHOUT_KERNEL_LOG),
]);
for (const container of started) await until(`the name of ${container.name}`, () => isKnown(container));
await until('a first sample of every cgroup', async () => {
  const answer = await get('/api/v2.0/stats/?type=name&recursive=true&count=1');
  const paths = [...Object.values(cgroups), ...started.map(({ cgroup }) => cgroup)];
  return paths.every((cgroup) => answer[cgroup]?.length > 0);
});
for (const [name, cgroup] of Object.entries(cgroups)) {
  numbers.push(...(await compareStats(name, cgroup, { processes: true })), ...(await compareSpec(name, cgroup)));
}
const containers = [];
for (const container of started) containers.push(await compareContainer(container));
const pods = await comparePods(podsOfCri);
const machines = await compareMachines();
const systemd = await compareUnits();
const tree = await compareTree();
const machine = await get('/api/v2.0/machine');
const { findings } = await get('/-/doctor', BLIND_AGENT);
const oom = await starve(hungry, { agent: AGENT, blind: BLIND_AGENT });
const letIn = usersLetIn();
const [agent, blind] = agents;
const afterKill = await killWhileWriting(blind, 'blind-agent', BLIND_AGENT);
const why = await compareTrouble();
const containerd = await endContainers(podsOfCri);
const capsules = await capsulesOf('of-docker', ORPHAN, 'hungry');
const end = await stopAgent(agent);
const found = { numbers, containers, pods, machines, tree, machine, letIn, findings, oom, systemd };
const verdict = { ...found, podman: PODMAN, end, why, containerd, capsules, afterKill };
writeFileSync('/output/verdict.json', JSON.stringify(verdict));
