// Starts agents in the virtual machine, from the built agent in the working directory.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { until } from './numbers.mjs';

/**
 * @param name of its configuration file
 * @param url where it will answer
 * @param config YAML, without its address
 * @param wrapper program and arguments that run it
 */
export async function startAgent(name, url, config, wrapper = []) {
  const file = `/tmp/${name}.yaml`;
  writeFileSync(file, `web: { listen: [${new URL(url).host}] }\n${config}`);
  const [program, ...args] = [...wrapper, 'node', 'dist/cli/main.js', '--config', file];
  const env = { ...process.env, TALLYMAN_RUNTIME_DIRECTORY: `/run/${name}` };
  const agent = spawn(program, args, { stdio: 'inherit', env });
  // Else systemd waits for it when this script fails.
  process.once('exit', () => agent.kill('SIGKILL'));
  await until(`${name} to answer`, async () => {
    if (agent.exitCode !== null) throw new Error(`${name} ended with status ${agent.exitCode}`);
    return (await fetch(`${url}/healthz`).catch(() => undefined))?.ok ?? false;
  });
  return agent;
}

/** @returns its exit status, or the signal that it died of */
export async function stopAgent(agent) {
  const end = new Promise((resolve) => agent.once('exit', (status, signal) => resolve(status ?? signal)));
  agent.kill('SIGTERM');
  return end;
}
