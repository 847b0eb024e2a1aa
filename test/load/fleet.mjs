// `node test/load/fleet.mjs [--agents 50] [--containers 100] [--seconds 600]`: that many agents, each of its own "host", write the same real
// cgroups by remote write into one VictoriaMetrics every 10 s. At the end every sample in the history of every agent is looked up in the
// store. Needs root and Debian's victoria-metrics. Leaves nothing behind, also when it is interrupted.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killAll, launchAgent, stop, track, untilAnswered } from './agents.mjs';
import { createCgroups, removeCgroups } from './cgroups.mjs';
import { cpuTime, freePort, pause, residentMemory } from './measure.mjs';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '50' },
    containers: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '600' },
  },
});
const [agentCount, containerCount, seconds] = [values.agents, values.containers, values.seconds].map(Number);
const INTERVAL_SECONDS = 10;
/** Agents that start at the same time. */
const STARTS = 4;
const interruption = new AbortController();
const { signal } = interruption;
const say = (text) => console.error(`fleet: ${text}`);

async function startStore(folder) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const flags = [
    `-httpListenAddr=127.0.0.1:${port}`,
    `-storageDataPath=${folder}`,
    '-search.maxUniqueTimeseries=10000000',
  ];
  const store = track(spawn('victoria-metrics', flags, { stdio: 'ignore' }));
  await untilAnswered(`${url}/health`, () => true, signal);
  return { store, url };
}

const configuration = (host, parent, url) => `
web: { listen: [127.0.0.1:0] }
housekeeping: { interval: ${INTERVAL_SECONDS}s, maxInterval: ${INTERVAL_SECONDS}s }
history: { duration: ${seconds + 300}s }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: [${parent}, ${parent}/*] } }
  - use: remote-write
    with: { url: ${url}/api/v1/write, resolution: all, host: ${host}, cluster: bench, containersInclude: ["${parent}/*"] }
`;

const text = async (url) => {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.text();
};

/** Sum of the series of a metric in a text of metrics. */
const sumOf = (metrics, pattern) =>
  metrics.split('\n').reduce((sum, line) => (pattern.test(line) ? sum + Number(line.split(' ').at(-1)) : sum), 0);

/** Looks up the samples of an agent in the store. @returns samples, and those that are missing, different or there twice */
async function compare(agent, parent, storeUrl) {
  const stats = JSON.parse(await text(`${agent.url}/api/v2.1/stats${parent}?recursive=true&count=-1`));
  await text(`${storeUrl}/internal/force_flush`);
  const selector = encodeURIComponent(`container_memory_usage_bytes{host="${agent.host}"}`);
  const lines = (await text(`${storeUrl}/api/v1/export?match[]=${selector}`)).split('\n').filter((line) => line !== '');
  const stored = new Map(lines.map((line) => JSON.parse(line)).map((series) => [series.metric.id, series]));
  const result = { samples: 0, missing: 0, different: 0, twice: 0 };
  for (const [name, { stats: samples }] of Object.entries(stats)) {
    if (name === parent) continue;
    const { timestamps, values: numbers } = stored.get(name) ?? { timestamps: [], values: [] };
    const known = new Map(timestamps.map((at, i) => [at, numbers[i]]));
    result.twice += timestamps.length - known.size;
    for (const { timestamp, memory } of samples) {
      const at = Math.floor(Date.parse(timestamp));
      // The sink begins with the newest sample that is there; the last round may not have been due.
      if (at < timestamps[0] || at > timestamps.at(-1)) continue;
      result.samples++;
      if (!known.has(at)) result.missing++;
      else if (known.get(at) !== memory.usage) result.different++;
    }
  }
  return result;
}

const add = (sum, one) => Object.fromEntries(Object.entries(sum).map(([key, value]) => [key, value + one[key]]));

async function run(folder) {
  const { name: parent } = createCgroups(containerCount);
  const { store, url } = await startStore(join(folder, 'store'));
  const agents = [];
  const started = performance.now();
  const hosts = Array.from({ length: agentCount }, (_, index) => `h${String(index).padStart(3, '0')}`);
  const startNext = async () => {
    for (let host = hosts.shift(); host !== undefined; host = hosts.shift()) {
      const own = join(folder, host);
      mkdirSync(own);
      const agent = await launchAgent(own, configuration(host, parent, url));
      await untilAnswered(`${agent.url}/-/ready`, () => true, signal);
      agents.push({ ...agent, host });
    }
  };
  await Promise.all(Array.from({ length: STARTS }, startNext));
  say(
    `${agents.length} agents are ready after ${((performance.now() - started) / 1000).toFixed(0)} s; ${seconds} s from now`,
  );
  await pause(2 * INTERVAL_SECONDS * 1000, signal);
  const begin = performance.now();
  const cpuBefore = [store.pid, ...agents.map(({ pid }) => pid)].map(cpuTime);
  const rowsOf = async () => sumOf(await text(`${url}/metrics`), /^vm_rows_inserted_total\{type="promremotewrite"\}/);
  const rowsBefore = await rowsOf();
  await pause(seconds * 1000, signal);
  const elapsed = (performance.now() - begin) / 1000;
  const cpuAfter = [store.pid, ...agents.map(({ pid }) => pid)].map(cpuTime);
  const rows = (await rowsOf()) - rowsBefore;
  const [storeCpu, ...agentCpu] = cpuAfter.map((after, i) => (after - cpuBefore[i]) / elapsed);
  const rss = agents.map(({ pid }) => residentMemory(pid)).sort((a, b) => a - b);
  const storeRss = residentMemory(store.pid);

  let found = { samples: 0, missing: 0, different: 0, twice: 0 };
  const delivery = { sent: 0, dropped: 0, retries: 0, missedSamples: 0 };
  for (const agent of agents) {
    const metrics = await text(`${agent.url}/metrics`);
    delivery.sent += sumOf(metrics, /^tallyman_sink_sent_total\{/);
    delivery.dropped += sumOf(metrics, /^tallyman_sink_dropped_total\{/);
    delivery.retries += sumOf(metrics, /^tallyman_sink_retries_total\{/);
    delivery.missedSamples += sumOf(metrics, /^tallyman_samples_missed_total/);
    found = add(found, await compare(agent, parent, url));
  }
  for (const { agent } of agents) await stop(agent);
  const stored = await rowsOf();
  await text(`${url}/internal/force_flush`);
  const metrics = await text(`${url}/metrics`);
  const storedRows = sumOf(metrics, /^vm_rows\{type="storage\//);
  const series = JSON.parse(await text(`${url}/api/v1/status/tsdb`)).data.totalSeries;
  return {
    agents: agents.length,
    containersEach: containerCount,
    seconds: Math.round(elapsed),
    series,
    samplesPerSecond: Math.round(rows / elapsed),
    delivery,
    insertedAfterTheStop: stored,
    'samples of one metric compared with the agents': found,
    'agent CPU, ms/s, mean': round(agentCpu.reduce((sum, one) => sum + one, 0) / agentCpu.length),
    'agent RSS, MiB, median and most': [rss[Math.floor(rss.length / 2)], rss.at(-1)].map(round),
    'store CPU, ms/s': round(storeCpu),
    'store CPU, s per million samples': round((storeCpu * elapsed) / 1000 / (rows / 1e6)),
    'store RSS, MiB': round(storeRss),
    storedRows,
    'store bytes': Object.fromEntries(
      ['storage/big', 'storage/small', 'storage/inmemory', 'indexdb'].map((type) => [
        type,
        sumOf(metrics, new RegExp(`^vm_data_size_bytes\\{type="${type}"`)),
      ]),
    ),
  };
}

const round = (value) => Number(value.toFixed(2));

const folder = mkdtempSync(join(tmpdir(), 'tallyman-fleet-'));
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => interruption.abort(new Error(name)));
try {
  console.log(JSON.stringify(await run(folder), undefined, 2));
} finally {
  killAll();
  await removeCgroups();
  rmSync(folder, { recursive: true, force: true });
}
