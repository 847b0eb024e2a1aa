// Runs in the virtual machine, with the built agent in the working directory: starts limited systemd units, a container
// of Docker and one of Podman, and the agent, and writes to /output/verdict.json what the API said and what the kernel's
// files said just before and after.
import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareContainer, engines, isKnown, startContainer } from './containers.mjs';
import { AGENT, CGROUPS, compareSpec, compareStats, get, startUnit, trace, until } from './numbers.mjs';

/** Cgroup of the process that Podman keeps beside each container. */
const MONITOR = /libpod-conmon-[0-9a-f]{64}\.scope$/;

const units = {
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

async function startAgent() {
  writeFileSync('/tmp/tallyman.yaml', CONFIG);
  const agent = spawn('node', ['dist/cli/main.js', '--config', '/tmp/tallyman.yaml'], { stdio: 'inherit' });
  // Else systemd waits for it when this script fails.
  process.once('exit', () => agent.kill('SIGKILL'));
  const healthy = async () => {
    if (agent.exitCode !== null) throw new Error(`the agent ended with status ${agent.exitCode}`);
    return (await fetch(`${AGENT}/healthz`).catch(() => undefined))?.ok ?? false;
  };
  await until('the agent to answer', healthy);
  return agent;
}

const CONFIG = `
web: { listen: [127.0.0.1:8080] }
housekeeping: { interval: 1s, maxInterval: 1s }
`;

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

const numbers = [];
const cgroups = {};
for (const [name, unit] of Object.entries(units)) cgroups[name] = await startUnit(name, unit);
const started = [];
for (const engine of engines) started.push(await startContainer(engine));
const agent = await startAgent();
for (const container of started) await until(`the name of ${container.name}`, () => isKnown(container));
await until('a first sample of every cgroup', async () => {
  const answer = await get('/api/v2.0/stats/?type=name&recursive=true&count=1');
  const paths = [...Object.values(cgroups), ...started.map(({ cgroup }) => cgroup)];
  return paths.every((cgroup) => answer[cgroup]?.length > 0);
});
for (const [name, cgroup] of Object.entries(cgroups)) {
  numbers.push(...(await compareStats(name, cgroup)), ...(await compareSpec(name, cgroup)));
}
const containers = [];
for (const container of started) containers.push(await compareContainer(container));
const tree = await compareTree();
const machine = await get('/api/v2.0/machine');
agent.kill('SIGTERM');
const [status, signal] = await new Promise((resolve) => agent.once('exit', (...end) => resolve(end)));
writeFileSync('/output/verdict.json', JSON.stringify({ numbers, containers, tree, machine, end: status ?? signal }));
