// What naming many containers over CRI costs: `npm run -s build && npx tsc -p test && node test/load/cri.mjs`
//
//   [--pods 250] [--containers 4] [--rounds 3] [--starts 100] [--settle 10] [--cpu-profile folder]
//
// Real cgroups without processes, a runtime that is made up, and the agent alternately with plain cgroups only and with their
// names. Then, with names: how long the name of a new container takes, and what a killed runtime costs. Needs root.
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FakeCri } from '../../.test-build/test/support/fake-cri.js';
import { launchAgent, message, stopAll } from './agents.mjs';
import { hierarchies } from './cgroups.mjs';
import { cpuPerSecond, cpuTime, pause, residentMemory } from './measure.mjs';

/** Asking costs the agent time as well. */
const POLL_MS = 200;
const LIMIT_MS = 90_000;
/** Containers that start while the runtime is down. */
const STARTS_WHILE_DOWN = 20;
const DOWN_MS = 5000;
/** Samples of the container that is watched for gaps; it has one per second. */
const WATCHED_SAMPLES = 60;

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '250' },
    containers: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    starts: { type: 'string', default: '100' },
    settle: { type: 'string', default: '10' },
    'cpu-profile': { type: 'string' },
  },
});
const [podCount, perPod, rounds, starts, settle] = ['pods', 'containers', 'rounds', 'starts', 'settle'].map((name) =>
  Number(values[name]),
);
const profiling = values['cpu-profile'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values['cpu-profile']}`];
const parent = `/tallyman-bench-${process.pid}-kubepods`;
const runtime = new FakeCri('containerd', 'v1', true);
const folders = [];
const mounts = hierarchies().map(({ path }) => path);

const hex = (kind, index) => `${kind}${index.toString(16)}`.padStart(64, '0');
const uidOf = (index) => `00000000-0000-0000-0000-${index.toString(16).padStart(12, '0')}`;
const labels = Object.fromEntries(
  Array.from({ length: 8 }, (_, i) => [`example.com/label-${i}`, `value of label ${i}`]),
);

function makeCgroup(name) {
  for (const mount of mounts) {
    folders.push(join(mount, parent + name));
    mkdirSync(folders.at(-1));
  }
}

function makePods() {
  makeCgroup('');
  for (let index = 0; index < podCount; index++) {
    const [id, uid] = [hex('a', index), uidOf(index)];
    runtime.pods.set(id, { id, uid, name: `web-${index}`, namespace: 'shop', ip: '10.1.2.3', labels });
    makeCgroup(`/pod${uid}`);
    makeCgroup(`/pod${uid}/${id}`);
    for (let which = 0; which < perPod; which++) addContainer(index, index * perPod + which, `app-${which}`);
  }
  return podCount * (2 + perPod);
}

/** @returns its cgroup */
function addContainer(pod, number, name) {
  const id = hex('b', number);
  runtime.containers.set(id, { id, pod: hex('a', pod), name, labels });
  const cgroup = `/pod${uidOf(pod)}/${id}`;
  makeCgroup(cgroup);
  return { id, cgroup: parent + cgroup };
}

const configuration = (cri) => `
web: { listen: ['127.0.0.1:0'] }
housekeeping: { interval: 1s, maxInterval: 1s }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: containerd, enabled: false }
  - { use: cri, ${cri ? `with: { endpoint: '${runtime.endpoint}' }` : 'enabled: false'} }
`;

async function specs(url, path, query = '') {
  const answer = await fetch(`${url}/api/v2.0/spec${path}${query}`);
  return answer.ok ? Object.values(await answer.json()) : [];
}

const isNamed = ({ aliases = [] }) => aliases.length > 1;

/** Waits for a condition. @returns ms since `started` */
async function until(condition, started, intervalMs, what) {
  while (!(await condition())) {
    if (performance.now() - started > LIMIT_MS) throw new Error(`${what} not after ${LIMIT_MS / 1000} s`);
    await pause(intervalMs);
  }
  return performance.now() - started;
}

const callsOf = (...methods) => runtime.calls.filter((call) => methods.includes(call)).length;

/** Starts the agent and waits until it reports every cgroup, with its name where it has one. */
async function start(work, cri, count) {
  runtime.calls.length = 0;
  const { agent, url, pid, started } = await launchAgent(work, configuration(cri), profiling);
  const isComplete = async () => {
    const all = await specs(url, parent, '?recursive=true');
    return (cri ? all.filter(isNamed).length : all.length - 1) === count;
  };
  const time = await until(isComplete, started, POLL_MS, 'all cgroups');
  const cpu = cpuTime(pid);
  await pause(settle * 1000);
  const resident = residentMemory(pid);
  const perSecond = await cpuPerSecond(pid, 5);
  const calls = { lists: callsOf('sandboxes', 'containers'), statuses: callsOf('sandbox', 'container') };
  agent.send('memory');
  const memory = await message(agent);
  return { url, figures: { seconds: time / 1000, cpuSeconds: cpu / 1000, resident, ...memory, perSecond, ...calls } };
}

/** Starts containers one after the other. @returns ms from each start to its name */
async function timeStarts(url, count, from) {
  const times = [];
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    const { id, cgroup } = addContainer(index % podCount, from + index, `late-${index}`);
    runtime.event(id);
    times.push(await until(async () => (await specs(url, cgroup)).some(isNamed), started, 5, `the name of ${cgroup}`));
  }
  return times.sort((a, b) => a - b);
}

/** @returns the longest time between two samples of a cgroup since a time (ms since the epoch), s */
async function longestGap(url, cgroup, since) {
  const answer = await (await fetch(`${url}/api/v2.0/stats${cgroup}?count=${WATCHED_SAMPLES}`)).json();
  const times = answer[cgroup]
    .map(({ timestamp }) => Date.parse(timestamp) / 1000)
    .filter((time) => time > since / 1000);
  return Math.max(...times.slice(1).map((time, index) => time - times[index]));
}

/** Kills the runtime and starts it again. @returns the longest gap of samples before and then, and how long names took, s */
async function timeOutage(url, from) {
  const watched = `${parent}/pod${uidOf(0)}/${hex('b', 0)}`;
  const quiet = Date.now();
  await pause(DOWN_MS);
  const usual = await longestGap(url, watched, quiet);
  const killed = Date.now();
  await runtime.kill();
  const late = Array.from({ length: STARTS_WHILE_DOWN }, (_, index) =>
    addContainer(index % podCount, from + index, `missed-${index}`),
  );
  await pause(DOWN_MS);
  await runtime.listen();
  const up = performance.now();
  for (const { cgroup } of late) {
    await until(async () => (await specs(url, cgroup)).some(isNamed), up, 20, `the name of ${cgroup}`);
  }
  const names = (performance.now() - up) / 1000;
  return { usual, gap: await longestGap(url, watched, killed - 2000), names };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const KEYS = ['seconds', 'cpuSeconds', 'resident', 'heap', 'external', 'perSecond', 'lists', 'statuses'];

const work = mkdtempSync(join(tmpdir(), 'tallyman-bench-cri-'));
try {
  const count = makePods();
  await runtime.listen();
  const found = { 'plain cgroups': [], 'named over CRI': [] };
  for (let round = 1; round <= rounds; round++) {
    for (const [name, cri] of Object.entries({ 'plain cgroups': false, 'named over CRI': true })) {
      const { url, figures } = await start(work, cri, count);
      found[name].push(figures);
      if (cri && round === rounds) {
        const times = await timeStarts(url, starts, podCount * perPod);
        const { usual, gap, names } = await timeOutage(url, podCount * perPod + starts);
        const at = (share) => times[Math.ceil(times.length * share) - 1].toFixed(0);
        console.log(`from the start of a container to its name, ms: p50 ${at(0.5)}, p95 ${at(0.95)}, max ${at(1)}`);
        console.log(
          `runtime killed for ${DOWN_MS / 1000} s: longest gap between samples ${gap.toFixed(2)} s (before ${usual.toFixed(2)} s),`,
        );
        console.log(
          `  names of ${STARTS_WHILE_DOWN} containers that started meanwhile ${names.toFixed(2)} s after its socket`,
        );
      }
      await stopAll();
    }
  }
  console.log(
    `${count} cgroups: ${podCount} pods, their sandboxes, ${perPod} containers each; medians of ${rounds} rounds`,
  );
  const row = (all) => Object.fromEntries(KEYS.map((key) => [key, +median(all.map((one) => one[key])).toFixed(2)]));
  const [plain, named] = Object.values(found).map(row);
  const more = Object.fromEntries(KEYS.map((key) => [key, +(named[key] - plain[key]).toFixed(2)]));
  console.table({ 'plain cgroups': plain, 'named over CRI': named, difference: more });
} finally {
  await stopAll();
  await runtime.dispose();
  for (const folder of folders.reverse()) rmdirSync(folder);
  rmSync(work, { recursive: true });
}
