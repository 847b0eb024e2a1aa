import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { isLoopbackHost } from '../../kernel/config/index.js';
import { ownCredentials } from '../../kernel/http/index.js';
import type { AgentNote } from '../../kernel/operations/index.js';
import type { CliEnvironment } from '../environment.js';
import { loadFor } from '../load.js';
import { runningAgents } from '../running-agents.js';
import type { AskFlags } from './options.js';
import type { Proof } from './proof.js';
import type { Target } from './target.js';

/**
 * What the configuration of the agent on this host proves to it, for who may read its files. Only what a running agent
 * has said to serve is trusted with it: whoever listens on a port is not the agent for that.
 * @returns undefined when the target is no such agent
 * @throws when the agent's configuration, or a file that it names, cannot be read
 */
export async function localProof(target: Target, flags: AskFlags, cli: CliEnvironment): Promise<Proof | undefined> {
  const agent = runningAgents(cli).find((note) => serves(note, target));
  const file = flags.config ?? agent?.configuration.file;
  if (agent === undefined || file === undefined) return undefined;
  const { config } = await loadFor({ config: file }, { ...cli, env: {} });
  const places = { directory: dirname(file), credentials: variableOf(agent.pid, 'CREDENTIALS_DIRECTORY') };
  return ownCredentials(config.web, places, flags.user);
}

function serves({ urls }: AgentNote, { url, socket }: Target): boolean {
  if (socket !== undefined) return urls.includes(`unix:${socket}`);
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (!isLoopbackHost(host) && host !== hostname().toLowerCase() && !ownAddresses().includes(host)) return false;
  const portOf = (each: URL) => each.port || each.protocol;
  return urls.some((each) => URL.canParse(each) && portOf(new URL(each)) === portOf(url));
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));
}

/** A variable of another process; systemd gives credentials to the service alone. */
function variableOf(pid: number, name: string): string | undefined {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return variables.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
  } catch {
    return undefined;
  }
}
