// `npm run bench:metrics`: what a scrape costs with many cgroups, beside the same text produced by prom-client in the
// same run.
//
//   npm run bench:metrics -- [--cgroups 1000] [--seconds 30] [--scrapes 1000]
//
// Needs root. Leaves nothing behind, also when it is interrupted.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Counter, Gauge, Registry } from 'prom-client';
import { createCgroups, removeCgroups } from './cgroups.mjs';
import { cpuTime, pause, residentMemory } from './measure.mjs';

const { values: options } = parseArgs({
  options: {
    cgroups: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '30' },
    scrapes: { type: 'string', default: '1000' },
  },
});
const main = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'cli', 'main.js');
/** Other containers of this host are not shown, so that hosts can be compared. */
const configOf = (parent) => `web: { listen: [127.0.0.1:0] }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: prometheus, with: { containersInclude: ['/', '${parent}/*'] } }
`;
const PROM_CLIENT_ROUNDS = 9;
const SETTLE_SECONDS = 10;

const connection = new Agent({ keepAlive: true, maxSockets: 1 });
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
const summary = (times) => {
  const sorted = [...times].sort((a, b) => a - b);
  return { p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9), min: sorted[0] };
};
const shown = ({ p50, p90, min }) => `p50 ${p50.toFixed(1)}  p90 ${p90.toFixed(1)}  min ${min.toFixed(1)} ms`;

function scrape(url, headers = {}) {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    get(url, { agent: connection, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve({ ms: performance.now() - start, body: Buffer.concat(chunks) }));
    }).once('error', reject);
  });
}

async function everySecond(url, headers) {
  const times = [];
  for (let i = 0; i < Number(options.seconds); i++) {
    times.push((await scrape(url, headers)).ms);
    await pause(1000);
  }
  return summary(times);
}

/** Upper bound of the 99th percentile of the loop's delay between two scrapes of its histogram, ms. */
function loopDelay(before, after) {
  const buckets = (text) =>
    [...text.matchAll(/^tallyman_event_loop_delay_seconds_bucket\{le="(.*)"\} (\d+)$/gm)].map(([, le, n]) => [
      le,
      Number(n),
    ]);
  const counts = buckets(after).map(([le, n], i) => [le, n - buckets(before)[i][1]]);
  const total = counts.at(-1)[1];
  return Number(counts.find(([, n]) => n >= total * 0.99)[0]) * 1000;
}

/** Mean time that writing an answer took between two of them, ms; sending it is not in it. */
function writing(before, after) {
  const value = (text, part) =>
    Number(new RegExp(`^tallyman_scrape_duration_seconds_${part} (.*)$`, 'm').exec(text)[1]);
  const sum = value(after, 'sum') - value(before, 'sum');
  return (sum / (value(after, 'count') - value(before, 'count'))) * 1000;
}

/** The answer's series as prom-client would hold them. Its text has no times; all else is the same. */
function promClient(text) {
  const register = new Registry();
  const families = new Map();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
    if (type !== null) families.set(type[1], { type: type[2], series: [] });
    const sample = /^([a-z_0-9]+)\{(.*)\} (\S+)/.exec(line);
    if (sample === null || !families.has(sample[1])) continue;
    const labels = Object.fromEntries([...sample[2].matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, k, v]) => [k, v]));
    families.get(sample[1]).series.push([labels, Number(sample[3])]);
  }
  const filled = [...families].filter(([, { series }]) => series.length > 0);
  const metrics = filled.map(([name, { type, series }]) => {
    const labelNames = Object.keys(series[0][0]);
    const metric = new (type === 'counter' ? Counter : Gauge)({ name, help: name, labelNames, registers: [register] });
    return { metric, type, series };
  });
  return async () => {
    for (const { metric, type, series } of metrics) {
      metric.reset();
      for (const [labels, value] of series) {
        if (type === 'counter') metric.inc(labels, value);
        else metric.set(labels, value);
      }
    }
    return register.metrics();
  };
}

async function measure(url, pid) {
  const metrics = `${url}/metrics`;
  const first = await scrape(metrics);
  const before = (await scrape(metrics)).body.toString();
  const plain = await everySecond(metrics);
  const { body } = await scrape(metrics);
  const delay = loopDelay(before, body.toString());
  const gzip = await everySecond(metrics, { 'Accept-Encoding': 'gzip' });
  const packed = (await scrape(metrics, { 'Accept-Encoding': 'gzip' })).body.length;
  const series = body
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#')).length;
  console.log(`${options.cgroups} cgroups: ${series} series, ${body.length} bytes, ${packed} with gzip`);
  console.log(`first scrape               ${first.ms.toFixed(1)} ms`);
  console.log(`scraped every second       ${shown(plain)}; loop delay p99 ≤ ${delay} ms`);
  console.log(`… with gzip                ${shown(gzip)}`);
  const memory = residentMemory(pid);
  const cpuBefore = cpuTime(pid);
  const times = [];
  for (let i = 0; i < Number(options.scrapes); i++) times.push((await scrape(metrics)).ms);
  const cpu = (cpuTime(pid) - cpuBefore) / times.length;
  const own = summary(times);
  const written = writing(body.toString(), (await scrape(metrics)).body.toString());
  console.log(
    `${times.length} scrapes in a row      ${shown(own)}; RSS grew by ${(residentMemory(pid) - memory).toFixed(1)} MiB`,
  );
  const produce = promClient(body.toString());
  const theirs = [];
  let length = 0;
  const theirCpu = process.cpuUsage();
  for (let i = 0; i < PROM_CLIENT_ROUNDS; i++) {
    const start = performance.now();
    length = (await produce()).length;
    theirs.push(performance.now() - start);
  }
  const other = summary(theirs);
  const { user, system } = process.cpuUsage(theirCpu);
  const otherCpu = (user + system) / 1000 / PROM_CLIENT_ROUNDS;
  console.log(
    `CPU for one answer: scrape ${cpu.toFixed(1)} ms, sampling and sending included; prom-client ${otherCpu.toFixed(1)} ms; ${(otherCpu / cpu).toFixed(1)} : 1`,
  );
  console.log(`prom-client, without HTTP  ${shown(other)}; ${length} bytes`);
  console.log(
    `prom-client : writing ${(other.p50 / written).toFixed(1)} : 1, prom-client : scrape ${(other.p50 / own.p50).toFixed(1)} : 1`,
  );
}

async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'tallyman-bench-'));
  const file = join(folder, 'tallyman.yaml');
  let agent;
  try {
    const { name } = createCgroups(Number(options.cgroups));
    writeFileSync(file, configOf(name), { mode: 0o600 });
    agent = spawn(process.execPath, [main, '--config', file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const url = await new Promise((resolve, reject) => {
      let text = '';
      agent.once('exit', () => reject(new Error('the agent ended')));
      agent.stdout.on('data', (chunk) => {
        text += chunk;
        const found = /serves (http:\S+)/.exec(text);
        if (found !== null) resolve(found[1]);
      });
    });
    await pause(SETTLE_SECONDS * 1000);
    await measure(url, agent.pid);
  } finally {
    connection.destroy();
    if (agent !== undefined && agent.exitCode === null) {
      const ended = new Promise((resolve) => agent.once('exit', resolve));
      agent.kill('SIGTERM');
      await ended;
    }
    await removeCgroups();
    rmSync(folder, { recursive: true, force: true });
  }
}

process.once('SIGINT', () => process.exit(130));
await run();
