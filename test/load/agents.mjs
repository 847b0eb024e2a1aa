// The processes of the bench: started, waited for, and ended with it.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pause, request } from './measure.mjs';

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

/** Starts the agent; knows how long it took to its first answer and to its first answer with every cgroup. */
export async function startAgent(folder, configuration, parent, count, signal) {
  const file = join(folder, 'tallyman.yaml');
  writeFileSync(file, configuration, { mode: 0o600 });
  const started = performance.now();
  const probe = ['--import', join(here, 'probe.mjs')];
  const agent = track(
    spawn(process.execPath, [...probe, main, '--config', file], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }),
  );
  const url = await announcedUrl(agent);
  await request(`${url}/healthz`);
  const firstAnswer = performance.now() - started;
  for (;;) {
    const answer = await (await fetch(`${url}/api/v2.0/stats${parent}?recursive=true&count=1`))
      .json()
      .catch(() => ({}));
    if (Object.values(answer).filter((samples) => samples.length > 0).length === count + 1) break;
    if (performance.now() - started > 60_000) throw new Error('the agent did not find all cgroups in 60 s');
    await pause(20, signal);
  }
  return { agent, url, pid: agent.pid, firstAnswer, allFound: performance.now() - started };
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
