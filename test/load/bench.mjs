// `npm run bench`: what the agent costs, on real cgroups of this host; docs/performance.md explains each number.
//
//   npm run bench -- [--cgroups 100,1000] [--seconds 30] [--json FILE] [--skip-backoff]
//                   [--only-api] [--scale [--scale-cgroups 1000,5000] [--peer BINARY]]
//
// Needs root. Leaves nothing behind, also when it is interrupted.
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { killAll, measureFloor, message, startAgent, stop, stopAll, track } from './agents.mjs';
import { measureApi } from './api.mjs';
import { createCgroups, removeCgroups } from './cgroups.mjs';
import { cpuPerSecond, filesToRead, latency, pause, request, residentMemory } from './measure.mjs';
import { printApi, printProfile, printScale, printTable } from './report.mjs';
import { measureScale } from './scale.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const interruption = new AbortController();
const { signal } = interruption;
const say = (text) => console.error(`bench: ${text}`);

const SETTLE_SECONDS = 10;
/** An idle container's interval doubles from 1 s to 60 s: after this long all of them are at 60 s. */
const BACKOFF_SECONDS = 130;
const BACKOFF_CYCLE_SECONDS = 60;
const BULK_QUERIES = 5;
const PROFILE_SECONDS = 10;
/** The history of 2 minutes at 1 s is full. */
const HISTORY_SECONDS = 125;

/** The agent sees the bench's cgroups and the machine; what else lives on this host does not count. */
const configuration = (parent, maxInterval, below = '*') => `
web: { listen: [127.0.0.1:0] }
housekeeping: { interval: 1s, maxInterval: ${maxInterval} }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: [${parent}, ${parent}/${below}] } }
`;

/** One load on a running agent: CPU undisturbed first, then latencies, the loop's delay, and where the time goes. */
async function measureLoad({ agent, url, pid }, parent, seconds) {
  await pause(SETTLE_SECONDS * 1000, signal);
  const cpu = await cpuPerSecond(pid, seconds, signal);
  const rss = residentMemory(pid);
  agent.send('watch loop');
  const healthz = await latency(`${url}/healthz`, seconds, 25, signal);
  agent.send('loop delay');
  const loop = await message(agent);
  const series = await latency(`${url}/api/v2.0/stats${parent}/c0000?count=60`, seconds / 2, 50, signal);
  agent.send('watch loop');
  const all = await latency(`${url}/api/v2.0/stats/?recursive=true&count=1`, seconds / 2, 200, signal);
  agent.send('loop delay');
  const loopUnderQueries = await message(agent);
  agent.send('watch CPU');
  await pause(PROFILE_SECONDS * 1000, signal);
  agent.send('CPU profile');
  return { cpu, rss, healthz, loop, series, all, loopUnderQueries, profile: await message(agent) };
}

/** Memory before and after answers with every sample of every container. */
async function measureBulk({ url, pid }) {
  const before = residentMemory(pid);
  let bytes = 0;
  for (let i = 0; i < BULK_QUERIES; i++) ({ bytes } = await request(`${url}/api/v2.0/stats/?recursive=true&count=-1`));
  const peak = residentMemory(pid);
  await pause(SETTLE_SECONDS * 1000, signal);
  return { rssBefore: before, rssPeak: peak, rssAfter: residentMemory(pid), bytes };
}

/** What the API can bear, with all cgroups active and full history. */
async function measureApiOf(count, seconds, folder) {
  say(`${count} cgroups, all active, for the API: ${HISTORY_SECONDS} s of history first`);
  const { name, folders } = createCgroups(count);
  const herd = track(fork(join(here, 'herd.mjs')));
  herd.send({ folders });
  await message(herd);
  herd.send({ active: true });
  const running = await startAgent(folder, configuration(name, '1s', '**'), name, count, signal);
  await pause(HISTORY_SECONDS * 1000, signal);
  const result = await measureApi(running, name, seconds, { say, signal });
  await stop(running.agent);
  await stop(herd);
  await removeCgroups();
  return { count, ...result };
}

async function measureCount(count, seconds, folder, withBackoff) {
  say(`${count} cgroups: making them, each with a process`);
  const { name, folders } = createCgroups(count);
  const herd = track(fork(join(here, 'herd.mjs')));
  herd.send({ folders });
  await message(herd);

  say('the agent at a fixed interval of 1 s: idle');
  const running = await startAgent(folder, configuration(name, '1s'), name, count, signal);
  const { firstAnswer, allFound } = running;
  const idle = await measureLoad(running, name, seconds);
  const files = filesToRead(running.pid, folders);
  say('active');
  herd.send({ active: true });
  const active = await measureLoad(running, name, seconds);
  say('full history and bulk queries');
  const bulk = await measureBulk(running);
  await stop(running.agent);

  say(`the floor, ${files.length} files: active, then idle`);
  active.floor = await measureFloor(files, seconds, signal);
  herd.send({ active: false });
  idle.floor = await measureFloor(files, seconds, signal);

  let backoff;
  if (withBackoff) {
    say(`the agent with back-off, idle: waiting ${BACKOFF_SECONDS} s for the intervals to grow`);
    const patient = await startAgent(folder, configuration(name, '60s'), name, count, signal);
    await pause(BACKOFF_SECONDS * 1000, signal);
    const cpu = await cpuPerSecond(patient.pid, Math.max(seconds, BACKOFF_CYCLE_SECONDS), signal);
    const all = await latency(`${patient.url}/api/v2.0/stats/?recursive=true&count=1`, seconds / 2, 200, signal);
    backoff = { cpu, rss: residentMemory(patient.pid), all };
    await stop(patient.agent);
  }
  await stop(herd);
  await removeCgroups();
  return { count, files: files.length, firstAnswer, allFound, idle, active, bulk, backoff };
}

function hostFacts() {
  const [{ model }] = cpus();
  return {
    node: process.version,
    kernel: release(),
    cpus: cpus().length,
    model,
    load: readFileSync('/proc/loadavg', 'utf8').trim(),
  };
}

const { values: options } = parseArgs({
  options: {
    cgroups: { type: 'string', default: '100,1000' },
    seconds: { type: 'string', default: '30' },
    json: { type: 'string' },
    'skip-backoff': { type: 'boolean', default: false },
    'only-api': { type: 'boolean', default: false },
    /** Only what docs/performance.md names goals for, with many cgroups. */
    scale: { type: 'boolean', default: false },
    'scale-cgroups': { type: 'string', default: '1000,5000' },
    /** The binary of another agent with cAdvisor's flags, measured in the same run. */
    peer: { type: 'string' },
    /** Part of the times waited for caches and histories to fill; below 1 the figures mean little. */
    settle: { type: 'string', default: '1' },
  },
});
/** Prints the tables of everything. @returns the figures */
async function benchAll(host) {
  const seconds = Number(options.seconds);
  const results = [];
  const counts = options.cgroups.split(',').map(Number);
  for (const count of options['only-api'] ? [] : counts) {
    results.push(await measureCount(count, seconds, folder, !options['skip-backoff']));
  }
  const api = await measureApiOf(counts.at(-1), seconds, folder);
  if (results.length > 0) {
    printTable(host, results);
    printProfile(results.at(-1));
  }
  printApi(host, api);
  return { host, seconds, results, api };
}

/** The largest number of cgroups is measured active only: it takes long enough. */
async function benchScale(host) {
  const seconds = Number(options.seconds);
  const results = [];
  const counts = options['scale-cgroups'].split(',').map(Number);
  for (const [i, count] of counts.entries()) {
    const states = i === 0 ? ['idle', 'active', 'backoff'] : ['active'];
    const { peer } = options;
    const settle = Number(options.settle);
    results.push(await measureScale(count, states, { seconds, folder, configuration, peer, settle, say, signal }));
  }
  printScale(host, results);
  return { host, seconds, results };
}

if (process.getuid() !== 0) {
  say('run as root: it creates cgroups');
  process.exit(1);
}
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(name, () => interruption.abort(new Error(`ended by ${name}`)));
signal.addEventListener('abort', killAll);
const folder = mkdtempSync(join(tmpdir(), 'tallyman-bench-'));
try {
  await removeCgroups();
  const host = hostFacts();
  const json = JSON.stringify(options.scale ? await benchScale(host) : await benchAll(host));
  if (options.json) writeFileSync(options.json, `${json}\n`);
  console.log(json);
} catch (error) {
  say(signal.aborted ? signal.reason.message : error.stack);
  process.exitCode = 1;
} finally {
  await stopAll();
  await removeCgroups();
  rmSync(folder, { recursive: true, force: true });
}
