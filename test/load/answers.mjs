// What answers cost with many containers: `why`, `tallyman top`, the recorder and its capsules, on real cgroups.
//
//   node test/load/answers.mjs [--cgroups 1000] [--seconds 20] [--only why,top,recorder,capsules]
//
// Needs root, a build and tmux. Leaves nothing behind, also when it is interrupted.
import { fork, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { killAll, message, startAgent, stop, stopAll, track } from './agents.mjs';
import { createCgroups, removeCgroups } from './cgroups.mjs';
import { cpuPerSecond, pause, request } from './measure.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, '..', '..', 'dist', 'cli', 'main.js');
const interruption = new AbortController();
const { signal } = interruption;
const WARM_UP_SECONDS = 15;
const FIRST_CALLS = 5;
const LATER_CALLS = 40;
/** Two minutes of samples are there. */
const HISTORY_SECONDS = 125;
/** Each writes a capsule; the agent allows ten per minute. */
const CAPSULES = 4;
const MEMORY_LIMIT = 8 * 2 ** 20;
/** Functions that the recorder's timer leads to. */
const RECORDER = ['hasSigns', 'follow', 'readTroubled', 'readFirst', 'listProcesses'];

const configuration = (parent) => `
web: { listen: [127.0.0.1:0] }
housekeeping: { interval: 1s, maxInterval: 1s }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: oom_event, with: { interval: 0s } }
  - { use: raw, with: { include: [${parent}, '${parent}/*'] } }
`;

const texts = (values, digits = 1) => values.map((value) => value.toFixed(digits)).join(' ');
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const summary = (values) => `median ${median(values).toFixed(1)} ms, longest ${Math.max(...values).toFixed(1)} ms`;

async function measureWhy({ agent, url }) {
  const times = [];
  agent.send('watch answers');
  for (let i = 0; i < FIRST_CALLS + LATER_CALLS; i++) {
    times.push((await request(`${url}/api/why`)).ms);
    await pause(300 + Math.random() * 200, signal);
  }
  agent.send('CPU time of answers');
  const cpuTimes = await message(agent);
  const measured = {
    time: times,
    'CPU time of all threads': cpuTimes.map(({ all }) => all),
    'CPU time of the main thread': cpuTimes.map(({ main }) => main),
  };
  for (const [what, values] of Object.entries(measured)) {
    const later = values.slice(FIRST_CALLS);
    const first = texts(values.slice(0, FIRST_CALLS));
    console.log(`why, all containers, ${what}: first calls ${first} ms; later ones ${summary(later)}`);
  }
}

async function measureTop({ agent, url, pid }, seconds, folder) {
  const socket = join(folder, 'tmux');
  const tmux = (...args) => spawnSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' }).stdout;
  const before = await cpuPerSecond(pid, seconds, signal);
  tmux('new-session', '-d', '-x', '200', '-y', '50', process.execPath, main, 'top', '--url', url);
  try {
    const client = Number(tmux('list-panes', '-F', '#{pane_pid}'));
    await pause(WARM_UP_SECONDS * 1000, signal);
    agent.send('watch answers');
    const [ofClient, during] = await Promise.all([
      cpuPerSecond(client, seconds, signal),
      cpuPerSecond(pid, seconds, signal),
    ]);
    agent.send('CPU time of answers');
    const answers = await message(agent);
    const perSecond = answers.reduce((sum, { main }) => sum + main, 0) / seconds;
    console.log(`top: client ${(ofClient / 10).toFixed(2)} % of a core`);
    console.log(
      `  agent ${(perSecond / 10).toFixed(2)} % of a core from the start of requests to the end of answers (${answers.length})`,
    );
    console.log(
      `  agent ${((during - before) / 10).toFixed(2)} % of a core more (${texts([before, during])} ms/s without and with it)`,
    );
  } finally {
    tmux('kill-server');
  }
}

async function measureRecorder({ agent }, seconds) {
  agent.send('watch CPU');
  await pause(seconds * 1000, signal);
  agent.send({ order: 'CPU of', names: RECORDER });
  console.log(`recorder, idle: ${(await message(agent)).toFixed(3)} ms/s`);
}

/** @returns the path and the time of the next capsule whose name has this part */
async function capsuleOf(directory, part) {
  for (;;) {
    const name = readdirSync(directory).find((file) => file.includes(`-${part}-`) && file.endsWith('.capsule'));
    if (name !== undefined) return join(directory, name);
    await pause(1, signal);
  }
}

async function measureCapsules({ url }, parent, folders, directory) {
  const asked = [];
  for (let i = 0; i < CAPSULES; i++) {
    const started = performance.now();
    const answer = await fetch(`${url}/api/record${parent}/c000${i}`, { method: 'POST' });
    if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
    asked.push({ ms: performance.now() - started, bytes: (await answer.json()).bytes });
    await pause(500, signal);
  }
  console.log(
    `capsules, asked for: ${texts(asked.map(({ ms }) => ms))} ms, ${texts(asked.map(({ bytes }) => bytes / 1024))} KiB`,
  );
  const killed = [];
  for (let i = CAPSULES; i < 2 * CAPSULES; i++) {
    for (const folder of folders[i]) limit(folder);
    const hog = track(spawn('sh', ['-c', 'read -r line; exec head -c 64000000 /dev/zero | tail -c 64000000'], HOG));
    hog.stderr.resume();
    for (const folder of folders[i]) writeFileSync(join(folder, 'cgroup.procs'), String(hog.pid));
    const kills = killsIn(folders[i]);
    hog.stdin.write('go\n');
    while (killsIn(folders[i]) === kills) await pause(1, signal);
    const at = Date.now();
    const file = await capsuleOf(directory, `c000${i}`);
    killed.push({ ms: statSync(file).mtimeMs - at, bytes: statSync(file).size });
    await pause(500, signal);
  }
  console.log(
    `capsules, after an OOM kill: ${texts(killed.map(({ ms }) => ms))} ms, ${texts(killed.map(({ bytes }) => bytes / 1024))} KiB`,
  );
}

const HOG = { stdio: ['pipe', 'ignore', 'pipe'] };

function limit(folder) {
  for (const file of ['memory.limit_in_bytes', 'memory.max']) {
    try {
      writeFileSync(join(folder, file), String(MEMORY_LIMIT), { flag: 'r+' });
    } catch {} // of the other cgroup version, or of another controller
  }
}

function killsIn(folders) {
  for (const folder of folders) {
    for (const file of ['memory.oom_control', 'memory.events']) {
      try {
        return Number(/^oom_kill (\d+)$/m.exec(readFileSync(join(folder, file), 'utf8'))[1]);
      } catch {} // as above
    }
  }
  throw new Error('nothing counts OOM kills here');
}

async function run() {
  const { values } = parseArgs({
    options: {
      cgroups: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '20' },
      only: { type: 'string', default: 'why,top,recorder,capsules' },
    },
  });
  const count = Number(values.cgroups);
  const seconds = Number(values.seconds);
  const parts = values.only.split(',');
  const folder = mkdtempSync(join(tmpdir(), 'tallyman-answers-'));
  const state = join(folder, 'state');
  mkdirSync(state);
  process.env.TALLYMAN_STATE_DIRECTORY = state;
  try {
    const { name, folders } = createCgroups(count);
    const herd = track(fork(join(here, 'herd.mjs')));
    herd.send({ folders });
    await message(herd);
    herd.send({ active: true });
    const started = performance.now();
    const running = await startAgent(folder, configuration(name), name, count, signal);
    await pause(WARM_UP_SECONDS * 1000, signal);
    if (parts.includes('why')) await measureWhy(running);
    if (parts.includes('top')) await measureTop(running, seconds, folder);
    if (parts.includes('recorder')) await measureRecorder(running, seconds);
    if (parts.includes('capsules')) {
      await pause(Math.max(0, HISTORY_SECONDS * 1000 - (performance.now() - started)), signal);
      await measureCapsules(running, name, folders, join(state, 'capsules'));
    }
    await stop(running.agent);
    await stop(herd);
  } finally {
    await stopAll();
    await removeCgroups();
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => interruption.abort(new Error(name)));
process.once('exit', killAll);
await run();
