// Starts agents in the virtual machine, from the built agent in the working directory.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { ask, until } from './numbers.mjs';

/** Code that is compiled and changed while it runs is what an emulated CPU is slowest at. */
const FLAGS = ['--no-opt', '--single-threaded'];

/** State directory of an agent. */
export const stateOf = (name) => `/var/lib/${name}`;

/**
 * @param name of its configuration file
 * @param url where it will answer
 * @param config YAML, without its address
 * @param wrapper program and arguments that run it
 */
export async function startAgent(name, url, config, wrapper = []) {
  const file = `/tmp/${name}.yaml`;
  writeFileSync(file, `web: { listen: [${new URL(url).host}] }\n${config}`);
  const [program, ...args] = [...wrapper, 'node', ...FLAGS, 'dist/cli/main.js', '--config', file];
  const directories = { TALLYMAN_RUNTIME_DIRECTORY: `/run/${name}`, TALLYMAN_STATE_DIRECTORY: stateOf(name) };
  const env = { ...process.env, ...directories };
  const agent = spawn(program, args, { stdio: 'inherit', env });
  // Else systemd waits for it when this script fails.
  process.once('exit', () => agent.kill('SIGKILL'));
  await until(`${name} to answer`, async () => {
    if (agent.exitCode !== null) throw new Error(`${name} ended with status ${agent.exitCode}`);
    return (await ask(`${url}/healthz`).catch(() => undefined))?.ok ?? false;
  });
  return agent;
}

/** @returns its exit status, or the signal that it died of */
export async function stopAgent(agent, by = 'SIGTERM') {
  const end = new Promise((resolve) => agent.once('exit', (status, signal) => resolve(status ?? signal)));
  agent.kill(by);
  return end;
}
