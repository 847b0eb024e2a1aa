// `npm run bench -- --scale`: what the agent costs with a thousand and with five thousand cgroups, in the states that
// docs/performance.md names goals for; with `--peer BINARY` also what another agent costs in the same run.
import { fork } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureFloor, message, startReady, stop, track } from './agents.mjs';
import { createCgroups, removeCgroups } from './cgroups.mjs';
import { cpuPerSecond, filesToRead, latency, pause, residentMemory } from './measure.mjs';
import { measurePeer } from './peer.mjs';

const here = dirname(fileURLToPath(import.meta.url));
/** An agent costs less with time, until its code is compiled: each state is measured from its second minute on. */
const SETTLE_SECONDS = 60;
/** The history of 2 minutes at 1 s is full. */
const HISTORY_SECONDS = 125;
/** An idle container's interval doubles from 1 s to 60 s: after this long all of them are at 60 s. */
const BACKOFF_SECONDS = 130;
const METRICS_GAP_MS = 500;

async function missedSamples(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^tallyman_samples_missed_total (\d+)/m.exec(text)?.[1] ?? Number.NaN);
}

/** CPU, memory, loop delay and missed samples while nobody asks, then what answers take. */
async function measureState({ agent, url, pid }, seconds, signal) {
  const missedBefore = await missedSamples(url);
  const cpu = await cpuPerSecond(pid, seconds, signal);
  // Wakes the agent a hundred times a second, which takes more CPU time than an idle agent.
  agent.send('watch loop');
  await pause(seconds * 1000, signal);
  agent.send('loop delay');
  const loop = await message(agent);
  const rss = residentMemory(pid);
  const missed = (await missedSamples(url)) - missedBefore;
  const metrics = await latency(`${url}/metrics`, seconds, METRICS_GAP_MS, signal);
  const all = await latency(`${url}/api/v2.0/stats/?recursive=true&count=1`, seconds, METRICS_GAP_MS, signal);
  return { cpu, loop, rss, missed, metrics, all };
}

/**
 * @param states which of `idle`, `active`, `backoff`
 * @param configuration makes the agent's, of the parent's name and the longest interval
 */
export async function measureScale(count, states, { seconds, folder, configuration, peer, settle = 1, say, signal }) {
  say(`${count} cgroups: making them, each with a process`);
  const { name, folders } = createCgroups(count);
  const herd = track(fork(join(here, 'herd.mjs')));
  herd.send({ folders });
  await message(herd);
  const wait = (duration) => pause(duration * settle * 1000, signal);
  const result = { count };
  const running = await startReady(folder, configuration(name, '1s'), signal);
  result.ready = running.ready;
  // The first answer reads the limits of all containers, which any scraper asks for at the start.
  await missedSamples(running.url);
  if (states.includes('idle')) {
    say('idle at a fixed interval of 1 s');
    await wait(SETTLE_SECONDS);
    result.idle = await measureState(running, seconds, signal);
  }
  if (states.includes('active')) {
    say('active');
    herd.send({ active: true });
    await wait(SETTLE_SECONDS);
    result.active = await measureState(running, seconds, signal);
    await wait(HISTORY_SECONDS);
    result.active.fullRss = residentMemory(running.pid);
  }
  const files = filesToRead(running.pid, folders);
  result.files = files.length;
  await stop(running.agent);
  if (states.includes('active')) {
    result.active.floor = await measureFloor(files, seconds, signal);
    if (peer) result.active.peer = await measurePeer(peer, name, count, seconds, signal, SETTLE_SECONDS * settle);
  }
  herd.send({ active: false });
  if (states.includes('idle')) {
    result.idle.floor = await measureFloor(files, seconds, signal);
    if (peer) result.idle.peer = await measurePeer(peer, name, count, seconds, signal, SETTLE_SECONDS * settle);
  }
  if (states.includes('backoff')) {
    say('idle with back-off');
    const patient = await startReady(folder, configuration(name, '60s'), signal);
    await wait(BACKOFF_SECONDS);
    result.backoff = { cpu: await cpuPerSecond(patient.pid, Math.max(seconds, 60 * settle), signal) };
    result.backoff.rss = residentMemory(patient.pid);
    await stop(patient.agent);
  }
  await stop(herd);
  await removeCgroups();
  return result;
}
