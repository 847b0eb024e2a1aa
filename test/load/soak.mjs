// Runs the agent for hours while everything around it goes wrong, and asks the kernel whether its answers are right.
//   npm run soak -- --hours 2 --seed 7
// Needs root, cgroups and tmpfs. docs/performance.md says what it checks. Ends with status 1 when something is wrong.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FakeEngine } from '../../dist/testing/docker-engine.js';
import { cpuTime, pause } from './measure.mjs';
import { Containers } from './soak/containers.mjs';
import { DISTURBANCES } from './soak/disturbances.mjs';
import { growth, heldBy, Oracle, waitedMs } from './soak/oracle.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, '../../dist/cli/main.js');
const { values: options } = parseArgs({
  options: {
    hours: { type: 'string', default: '0.33' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Containers that come, and that go, per second. */
    rate: { type: 'string', default: '10' },
    /** Containers that are there at a time, about. */
    containers: { type: 'string', default: '100' },
    json: { type: 'string' },
  },
});
const durationMs = Number(options.hours) * 3_600_000;
const rate = Number(options.rate);
const target = Number(options.containers);
const MEASURE_EVERY_MS = Math.min(30_000, durationMs / 40);
const CHECK_EVERY_MS = 2_000;
/** Pause between two disturbances, ms. */
const CALM_MS = [2_000, 12_000];
/** The memory of the first part of a run is not judged: caches fill. */
const WARM_UP_SHARE = 0.3;
/** What memory may grow by, in bytes and as a share, by regression over the rest of the run: what is in use, and resident. */
const ALLOWED_GROWTH = {
  used: { bytes: 3 * 2 ** 20, share: 0.05 },
  // The allocator keeps some of what large answers took, and gives it back late.
  resident: { bytes: 24 * 2 ** 20, share: 0.15 },
};
/** The memory of shorter runs is not judged. */
const JUDGED_FROM_MS = 900_000;
const BUSY = 5;
/** Events that the agent keeps of each kind: with its default it would fill its memory with them for hours. */
const EVENTS = 1000;
const STATE_BYTES = 8 * 2 ** 20;

/** Random numbers that a seed repeats (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    of: (list) => list[Math.floor(next() * list.length)],
  };
}

class Soak {
  random = randomFrom(Number(options.seed));
  folder = mkdtempSync(join(tmpdir(), 'tallyman-soak-'));
  stateFolder = join(this.folder, 'state');
  logFile = join(this.stateFolder, 'agent.log');
  containers = new Containers(`/tallyman-soak-${process.pid}`);
  engine = new FakeEngine();
  counts = {};
  memory = [];
  longestStopMs = Math.min(60_000, durationMs / 40);
  #isStopped = false;
  #configuration = 0;

  async run() {
    console.log(`seed ${options.seed}, ${options.hours} hours, ${rate} containers per second`);
    mkdirSync(this.stateFolder);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${STATE_BYTES}`, 'tmpfs', this.stateFolder]);
    if (mounted.status !== 0) throw new Error(`no tmpfs: ${mounted.stderr}`);
    await this.engine.listen();
    await this.#start();
    for (let i = 0; i < BUSY; i++) this.containers.addBusy();
    await pause(10_000);
    const before = { ...heldBy(this.agent.pid), ...(await this.#measure()) };
    this.oracle = new Oracle(this.containers, this.url);
    this.note = {
      stopped: (from, to) => this.oracle.stopped(from, to),
      clockStep: async () => this.oracle.stepped(),
    };
    const end = performance.now() + durationMs;
    const isOver = () => performance.now() > end || this.#exit !== undefined;
    await Promise.all([this.#churn(isOver), this.#disturb(isOver), this.#watch(isOver), this.#sample(isOver)]);
    return await this.#judge(before);
  }

  /** Writes another configuration. */
  configure() {
    const [history, interval] = this.random.of([
      ['60s', '1s'],
      ['90s', '1s'],
      ['60s', '2s'],
    ]);
    const plugin =
      this.#configuration++ % 4 === 3
        ? ''
        : `  - { use: ${this.folder}/plugin.mjs, id: soak, with: { mode: ${this.folder}/mode } }\n`;
    const text =
      `history: { duration: ${history} }\nhousekeeping: { interval: ${interval}, maxInterval: ${interval} }\n` +
      `budget: { descriptors: ${this.random.of([20_000, 600])} }\n` +
      `events: { containerCreation: { count: ${EVENTS} }, containerDeletion: { count: ${EVENTS} } }\n` +
      `plugins:\n  - { use: docker, with: { endpoint: '${this.engine.endpoint}' } }\n${plugin}`;
    writeFileSync(this.#file, text, { mode: 0o600 });
  }

  async #start() {
    const plugin = readFileSync(join(here, 'soak/plugin.mjs'), 'utf8');
    const contract = new URL('../../dist/bundle/plugin.js', import.meta.url).href;
    writeFileSync(join(this.folder, 'plugin.mjs'), plugin.replace("'tallyman/plugin'", JSON.stringify(contract)));
    writeFileSync(join(this.folder, 'mode'), 'ok');
    this.configure();
    const log = openSync(this.logFile, 'a');
    const args = ['--import', join(here, 'soak/inside.mjs'), main, '--config', this.#file, '--port', '0'];
    const env = { ...process.env, TALLYMAN_RUNTIME_DIRECTORY: this.folder, TALLYMAN_STATE_DIRECTORY: this.stateFolder };
    this.agent = spawn(process.execPath, args, { stdio: ['ignore', log, log, 'ipc'], env });
    this.agent.setMaxListeners(50);
    this.#ended = new Promise((resolve) => {
      this.agent.once('exit', (code, signal) => {
        this.#exit = code ?? signal;
        resolve(undefined);
      });
    });
    for (let tries = 0; this.url === undefined; tries++) {
      await pause(100);
      [this.url] = /http:\/\/127[\d.]+:\d+/.exec(readFileSync(this.logFile, 'utf8')) ?? [];
      if (tries > 300 || this.#exit !== undefined) throw new Error(`no start: ${readFileSync(this.logFile, 'utf8')}`);
    }
  }

  #exit;
  #ended;
  get #file() {
    return join(this.folder, 'tallyman.yaml');
  }

  /** Containers come and go. */
  async #churn(isOver) {
    while (!isOver()) {
      const count = this.containers.created.size;
      if (count < target || this.random.next() < 0.5) this.containers.add();
      const goable = this.containers.current.filter((name) => /\/c\d+$/.test(name));
      if (count >= target && goable.length > 0) this.containers.remove(this.random.of(goable));
      await pause(1000 / rate);
    }
    for (const name of this.containers.current) if (!name.includes('/busy')) this.containers.remove(name);
  }

  async #disturb(isOver) {
    const weighted = Object.entries(DISTURBANCES).flatMap(([name, { weight }]) => Array(weight).fill(name));
    while (!isOver()) {
      await pause(this.random.between(...CALM_MS));
      const name = this.random.of(weighted);
      this.counts[name] = (this.counts[name] ?? 0) + 1;
      this.#isStopped = name === 'stop';
      await DISTURBANCES[name].run(this).catch((error) => {
        this.oracle.report('soak', `${name}: ${error.stack}`);
      });
      this.#isStopped = false;
    }
  }

  async #watch(isOver) {
    let [waitedBefore, cpuBefore, checkedAt] = [waitedMs(this.agent.pid), cpuTime(this.agent.pid), performance.now()];
    while (!isOver()) {
      await pause(CHECK_EVERY_MS);
      // On a busy host the agent waits for a CPU.
      const waited = waitedMs(this.agent.pid);
      const now = performance.now();
      this.oracle.stopped(now - (waited - waitedBefore), now);
      const cpu = cpuTime(this.agent.pid);
      this.oracle.circumstances = `${Math.round(cpu - cpuBefore)} ms of CPU time, ${Math.round(waited - waitedBefore)} ms of waiting for a CPU in ${Math.round(now - checkedAt)} ms`;
      [waitedBefore, cpuBefore, checkedAt] = [waited, cpu, now];
      await this.oracle.check(() => this.#isStopped);
    }
  }

  async #sample(isOver) {
    const from = performance.now();
    while (!isOver()) {
      await pause(MEASURE_EVERY_MS);
      if (this.#isStopped || this.#exit !== undefined) continue;
      const measured = await Promise.race([this.#measure(), this.#ended]);
      if (measured === undefined) return;
      const { heap, external, rss } = measured;
      this.memory.push({ at: performance.now() - from, used: heap + external, resident: rss });
      const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
      console.log(
        `${((performance.now() - from) / 60_000).toFixed(1)} min: ${mib(heap)} MiB heap, ${mib(external)} external, ${mib(rss)} rss, ` +
          `${this.containers.made} containers, ${this.oracle.checks} checks, ${this.oracle.violations.length} violations`,
      );
    }
  }

  #measure() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the agent does not answer over its channel')), 120_000);
      this.agent.once('message', (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.agent.send({ order: 'measure' });
    });
  }

  /** Waits until everything has been given back, and compares. */
  async #judge(before) {
    const { oracle } = this;
    if (this.#exit !== undefined) {
      oracle.report('end', `the agent ended with ${this.#exit}: ${readFileSync(this.logFile, 'utf8').slice(-3000)}`);
      return this.#report(before, before);
    }
    let after;
    for (let tries = 0; tries < 60; tries++) {
      await pause(2000);
      after = { ...heldBy(this.agent.pid), ...(await this.#measure()) };
      if (
        after.descriptors <= before.descriptors + 3 &&
        after.watches <= before.watches &&
        after.timers <= before.timers + 2
      )
        break;
    }
    for (const kind of ['descriptors', 'watches', 'timers']) {
      const allowed = { descriptors: 3, watches: 0, timers: 2 }[kind];
      if (after[kind] > before[kind] + allowed) oracle.report(kind, `${after[kind]} are left of ${before[kind]}`);
    }
    const rows = /^tallyman_containers (\d+)/m.exec(await (await fetch(`${this.url}/metrics`)).text());
    const names = Object.keys(
      await (await fetch(`${this.url}/api/v2.0/spec${this.containers.name}?recursive=true`)).json(),
    );
    if (names.length !== BUSY + 1)
      oracle.report('rows', `${names.length} containers are left of ${BUSY + 1} (${rows?.[1]} in all)`);
    const judged = this.memory.filter(({ at }) => at > durationMs * WARM_UP_SHARE);
    // In a short run the history is still growing.
    if (judged.length >= 10 && durationMs >= JUDGED_FROM_MS) {
      this.slope = {};
      for (const [kind, { bytes, share }] of Object.entries(ALLOWED_GROWTH)) {
        const { total, mean, perHour } = growth(judged.map((each) => ({ at: each.at, value: each[kind] })));
        this.slope[kind] = { bytesPerHour: Math.round(perHour), bytes: Math.round(total), mean: Math.round(mean) };
        if (total > Math.max(bytes, mean * share))
          oracle.report('memory', `${kind} memory grew by ${Math.round(total)} bytes, ${Math.round(perHour)} per hour`);
      }
    }
    return this.#report(before, after);
  }

  #report(before, after) {
    const { oracle, counts, containers, slope } = this;
    return {
      options,
      counts,
      made: containers.made,
      checks: oracle.checks,
      before,
      after,
      slope,
      violations: oracle.violations,
    };
  }

  async dispose() {
    this.agent?.kill('SIGCONT');
    this.agent?.kill('SIGTERM');
    await pause(3000);
    this.agent?.kill('SIGKILL');
    await this.containers.dispose();
    await this.engine.dispose();
    spawnSync('umount', ['-l', this.stateFolder]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const soak = new Soak();
let report;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => void soak.dispose().then(() => process.exit(130)));
try {
  report = await soak.run();
} finally {
  if (process.exitCode === undefined) await soak.dispose();
}
const text = JSON.stringify(report, undefined, 2);
console.log(text);
if (options.json !== undefined) writeFileSync(options.json, `${text}\n`);
process.exit(report.violations.length === 0 ? 0 : 1);
