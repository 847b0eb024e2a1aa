// Another agent with cAdvisor's flags and endpoints, measured beside ours: `--peer BINARY`.
import { spawn } from 'node:child_process';
import { giveUnitWeight, stop, track, untilAnswered } from './agents.mjs';
import { cpuPerSecond, freePort, latency, pause, residentMemory } from './measure.mjs';

/** Time after which caches of a peer are filled. */
const SETTLE_SECONDS = 60;

/** Starts it at a fixed interval of 1 s, and waits until `/metrics` has every cgroup below the parent. */
async function startPeer(binary, parent, count, signal) {
  const port = await freePort();
  const started = performance.now();
  const flags = [
    `--port=${port}`,
    '--listen_ip=127.0.0.1',
    '--housekeeping_interval=1s',
    '--allow_dynamic_housekeeping=false',
    `--raw_cgroup_prefix_whitelist=${parent}`,
  ];
  const peer = track(spawn(binary, flags, { stdio: 'ignore' }));
  giveUnitWeight(peer);
  const ended = new AbortController();
  peer.once('error', (error) => ended.abort(error));
  peer.once('exit', (code, by) => ended.abort(new Error(`${binary} ended early (${code ?? by})`)));
  const url = `http://127.0.0.1:${port}`;
  const below = new RegExp(`^container_last_seen\\{.*id="${parent}/`, 'gm');
  const hasAll = (text) => text.match(below)?.length === count;
  await untilAnswered(`${url}/metrics`, hasAll, AbortSignal.any([signal, ended.signal]));
  return { peer, url, pid: peer.pid, ready: performance.now() - started };
}

/** What it costs in the state that the cgroups are in. */
export async function measurePeer(binary, parent, count, seconds, signal, settleSeconds = SETTLE_SECONDS) {
  const { peer, url, pid, ready } = await startPeer(binary, parent, count, signal);
  await pause(settleSeconds * 1000, signal);
  const cpu = await cpuPerSecond(pid, seconds, signal);
  const rss = residentMemory(pid);
  const metrics = await latency(`${url}/metrics`, seconds, 500, signal);
  const all = await latency(`${url}/api/v2.0/stats${parent}?recursive=true&count=1`, seconds, 500, signal);
  await stop(peer);
  return { ready, cpu, rss, metrics, all };
}
