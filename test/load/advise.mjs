// What `tallyman advise` says of loads whose needs are known: real cgroups, each with one process that uses a steady
// share of a CPU and holds a steady amount of memory, watched for as long as advice needs.
//
//   node test/load/advise.mjs [--minutes 11]
//
// Needs root and a build. Leaves nothing behind, also when it is interrupted.
import { execFileSync, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { killAll, message, startAgent, stop, stopAll, track } from './agents.mjs';
import { createCgroups, removeCgroups } from './cgroups.mjs';
import { pause } from './measure.mjs';

const own = fileURLToPath(import.meta.url);
const main = join(own, '..', '..', '..', 'dist', 'cli', 'main.js');
const PERIOD_MS = 100;
const MIB = 2 ** 20;
/** CPUs and MiB that the process uses; limits of its cgroup. */
const LOADS = [
  { cpus: 0.1, mebibytes: 32, limits: {} },
  { cpus: 0.25, mebibytes: 96, limits: { cpus: 1, mebibytes: 1024 } },
];

const configuration = (parent) => `
web: { listen: [127.0.0.1:0] }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: [${parent}, '${parent}/*'] } }
`;

/** Uses the same CPU time in each period. What a busy machine did not let it use is not made up for: that would be a burst. */
function beLoad({ cpus, mebibytes }) {
  const held = Buffer.alloc(mebibytes * MIB, 1);
  const used = () => Object.values(process.cpuUsage()).reduce((sum, us) => sum + us, 0) / 1000;
  const started = performance.now();
  const before = used();
  setInterval(() => {
    const end = used() + cpus * PERIOD_MS;
    while (used() < end) held[0]++;
  }, PERIOD_MS);
  process.on('message', () => process.send({ cpus: (used() - before) / (performance.now() - started) }));
  process.once('disconnect', () => process.exit());
  process.send('ready');
}

function write(folders, values) {
  for (const folder of folders) {
    for (const [file, value] of Object.entries(values)) {
      try {
        writeFileSync(join(folder, file), String(value), { flag: 'r+' });
      } catch {} // of the other cgroup version, or of another controller
    }
  }
}

function limit(folders, { cpus, mebibytes }) {
  if (cpus !== undefined) write(folders, { 'cpu.cfs_quota_us': cpus * 1e5, 'cpu.max': `${cpus * 1e5} 100000` });
  if (mebibytes !== undefined) {
    write(folders, { 'memory.limit_in_bytes': mebibytes * MIB, 'memory.max': mebibytes * MIB });
  }
}

/** Memory of the process that is not of files, MiB, as the kernel counts it for the process and not for its cgroup. */
function anonymousMemory(pid) {
  return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

async function run() {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '11' } } });
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => interruption.abort(new Error(name)));
  process.once('exit', killAll);
  const { signal } = interruption;
  const folder = mkdtempSync(join(tmpdir(), 'tallyman-advise-'));
  mkdirSync(join(folder, 'state'));
  process.env.TALLYMAN_STATE_DIRECTORY = join(folder, 'state');
  try {
    const { name, folders } = createCgroups(LOADS.length);
    const loads = [];
    for (const [i, load] of LOADS.entries()) {
      limit(folders[i], load.limits);
      const child = track(
        fork(own, ['--load', JSON.stringify(load)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
      );
      write(folders[i], { 'cgroup.procs': child.pid });
      await message(child);
      loads.push(child);
    }
    const { agent, url } = await startAgent(folder, configuration(name), name, LOADS.length, signal);
    await pause(Number(values.minutes) * 60_000, signal);
    for (const [i, child] of loads.entries()) {
      child.send('used');
      const { cpus } = await message(child);
      const args = ['advise', `${name}/c000${i}`, '--json', '--url', url];
      const advice = JSON.parse(execFileSync(process.execPath, [main, ...args], { encoding: 'utf8' }));
      console.log(
        `used by its own account: ${cpus.toFixed(3)} CPUs, ${anonymousMemory(child.pid).toFixed(0)} MiB; the advice:`,
      );
      console.log(JSON.stringify(advice, null, 2));
    }
    await stop(agent);
  } finally {
    await stopAll();
    await removeCgroups();
    rmSync(folder, { recursive: true, force: true });
  }
}

const [mode, load] = process.argv.slice(2);
if (mode === '--load') beLoad(JSON.parse(load));
else await run();
