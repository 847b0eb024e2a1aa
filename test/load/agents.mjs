// The processes of the bench: started, waited for, and ended with it.
import { fork, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { giveCpuWeight } from './cgroups.mjs';
import { cpuPerSecond, pause, request } from './measure.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, '..', '..', 'dist', 'cli', 'main.js');
const processes = new Set();

/** Ends all at once. */
export function killAll() {
  for (const child of processes) child.kill('SIGKILL');
}

/** Ends them one after the other, in good order. */
export async function stopAll() {
  for (const child of processes) await stop(child);
}

/** Starts a process that ends with the bench. */
export function track(child) {
  processes.add(child);
  child.once('exit', () => processes.delete(child));
  return child;
}

export function message(child) {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code, by) => reject(new Error(`a process of the bench ended early (${code ?? by})`)));
  });
}

export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(killer);
}

/** CPU time of a loop that only reads these files once a second, ms per second. */
export async function measureFloor(paths, seconds, signal) {
  const floor = track(fork(join(here, 'floor.mjs')));
  floor.send({ paths });
  await message(floor);
  await pause(3000, signal);
  const cpu = await cpuPerSecond(floor.pid, seconds, signal);
  await stop(floor);
  return cpu;
}

const unit = () => readFileSync(join(here, '..', '..', 'config', 'systemd', 'tallyman.service'), 'utf8');

/**
 * Gives a process the share of the CPU that the shipped unit gives the agent. Where active cgroups use all CPUs, how late it runs
 * would otherwise be the scheduler's doing and not its own.
 */
export function giveUnitWeight({ pid }) {
  giveCpuWeight(pid, Number(/^CPUWeight=(\d+)$/m.exec(unit())[1]));
}

/** The environment that the shipped unit gives the agent. */
function unitEnvironment() {
  const words = [...unit().matchAll(/^Environment=(.*)$/gm)].flatMap(([, line]) => line.match(/"[^"]*"|\S+/g));
  return Object.fromEntries(words.map((word) => /^(\w+)=(.*)$/.exec(word.replaceAll('"', '')).slice(1)));
}

/** Starts the agent. @returns it, its URL and when it was started */
export async function launchAgent(folder, configuration, nodeOptions = []) {
  const file = join(folder, 'tallyman.yaml');
  writeFileSync(file, configuration, { mode: 0o600 });
  const started = performance.now();
  const probe = ['--import', join(here, 'probe.mjs')];
  const agent = track(
    spawn(process.execPath, [...nodeOptions, ...probe, main, '--config', file], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Not the host's: what an earlier agent kept there is loaded at the start.
      env: { ...unitEnvironment(), TALLYMAN_STATE_DIRECTORY: join(folder, 'state'), ...process.env },
    }),
  );
  giveUnitWeight(agent);
  return { agent, url: await announcedUrl(agent), pid: agent.pid, started };
}

/** Starts the agent, and waits until it is ready: every cgroup found at the start has a sample. Times are ms from the start. */
export async function startReady(folder, configuration, signal) {
  const { agent, url, pid, started } = await launchAgent(folder, configuration);
  await request(`${url}/healthz`);
  const firstAnswer = performance.now() - started;
  await untilAnswered(`${url}/-/ready`, () => true, signal);
  return { agent, url, pid, started, firstAnswer, ready: performance.now() - started };
}

/** Asks until there is an answer with status 200 whose text is right. @throws Error after `limitMs` */
export async function untilAnswered(url, isRight, signal, limitMs = 300_000) {
  const started = performance.now();
  for (;;) {
    const text = await fetch(url)
      .then((answer) => (answer.status === 200 ? answer.text() : undefined))
      .catch(() => undefined);
    if (text !== undefined && isRight(text)) return;
    if (performance.now() - started > limitMs) throw new Error(`${url} did not answer as expected in ${limitMs} ms`);
    await pause(10, signal);
  }
}

/** The same, and knows how long it took to an answer with every cgroup. */
export async function startAgent(folder, configuration, parent, count, signal) {
  const running = await startReady(folder, configuration, signal);
  const hasAll = (text) => Object.values(JSON.parse(text)).filter(({ length }) => length > 0).length === count + 1;
  await untilAnswered(`${running.url}/api/v2.0/stats${parent}?recursive=true&count=1`, hasAll, signal);
  return { ...running, allFound: performance.now() - running.started };
}

function announcedUrl(agent) {
  return new Promise((resolve, reject) => {
    let said = '';
    const listen = (chunk) => {
      said += chunk;
      const [url] = /http:\/\/[\d.]+:\d+/.exec(said) ?? [];
      if (url) resolve(url);
      if (said.length > 1e6) said = '';
    };
    agent.stdout.on('data', listen);
    agent.stderr.on('data', listen);
    agent.once('exit', (code) => reject(new Error(`the agent ended with status ${code}:\n${said}`)));
  });
}
