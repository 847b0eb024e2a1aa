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
import { createCgroups, removeCgroups } from './cgroups.mjs';
import { cpuTime, pause, residentMemory } from './measure.mjs';
import { ownProduction, promClientProduction } from './production.mjs';

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
const OWN_ROUNDS = 100;
const PROM_CLIENT_ROUNDS = 20;
const WARM_UP = 5;
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

/** Times, and CPU per round, of doing something again and again. */
async function repeated(rounds, work) {
  const times = [];
  for (let i = 0; i < WARM_UP; i++) await work();
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  return { ...summary(times), cpu: (user + system) / 1000 / rounds };
}

/** The same text, produced in this process by the endpoint's code and by prom-client. */
async function compare() {
  const ended = new AbortController();
  const produce = ownProduction(Number(options.cgroups), ended.signal);
  const text = (await produce()).toString();
  const own = await repeated(OWN_ROUNDS, produce);
  const other = await repeated(PROM_CLIENT_ROUNDS, promClientProduction(text));
  ended.abort();
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  console.log(`producing ${series} series here: own  ${shown(own)}  CPU ${own.cpu.toFixed(1)} ms`);
  console.log(`… prom-client              ${shown(other)}  CPU ${other.cpu.toFixed(1)} ms`);
  console.log(
    `prom-client : own          p50 ${(other.p50 / own.p50).toFixed(1)} : 1, CPU ${(other.cpu / own.cpu).toFixed(1)} : 1`,
  );
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
  console.log(
    `${times.length} scrapes in a row      ${shown(own)}; RSS grew by ${(residentMemory(pid) - memory).toFixed(1)} MiB`,
  );
  console.log(`… CPU of the agent         ${cpu.toFixed(1)} ms for one, sampling and sending included`);
  await compare();
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
