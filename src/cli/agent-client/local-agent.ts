import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { dirname, resolve } from 'node:path';
import { isLoopbackHost } from '../../kernel/config/index.js';
import { TallymanError } from '../../kernel/contracts/index.js';
import { ownCredentials } from '../../kernel/http/index.js';
import { type AgentNote, type FoundNote, readNotes } from '../../kernel/operations/index.js';
import type { CliEnvironment } from '../environment.js';
import type { AskFlags } from '../flags.js';
import { loadFor } from '../load.js';
import type { Credentials } from './credentials.js';
import { hostOf, type Target, targetOf, targetOfAgent } from './target.js';

/**
 * Credentials from the configuration of the agent on this host, for users who may read its files. They are only sent to
 * an address that a running agent says it serves: another program may listen on the port.
 * @returns undefined when the target is not such an agent
 * @throws when the agent's configuration, or a file that it names, cannot be read
 */
export async function localCredentials(
  target: Target,
  flags: AskFlags,
  cli: CliEnvironment,
): Promise<Credentials | undefined> {
  const agent = readNotes(cli.env).find((note) => serves(note, target));
  const file = flags.config ?? agent?.configuration.file;
  if (agent === undefined || file === undefined) return undefined;
  const { config } = await loadFor({ config: file }, { ...cli, env: {} });
  const places = { directory: dirname(file), credentials: variableOf(agent.pid, 'CREDENTIALS_DIRECTORY') };
  return ownCredentials(config.web, places, flags.user);
}

function serves({ urls }: AgentNote, { url, socket }: Target): boolean {
  if (socket !== undefined) return urls.includes(`unix:${socket}`);
  const host = hostOf(url).toLowerCase();
  if (!isLoopbackHost(host) && host !== hostname().toLowerCase() && !ownAddresses().includes(host)) return false;
  const portOf = (each: URL) => each.port || each.protocol;
  return urls.some((each) => URL.canParse(each) && portOf(new URL(each)) === portOf(url));
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));
}

/** A variable of another process: systemd sets the directory of credentials for the service only. */
function variableOf(pid: number, name: string): string | undefined {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return variables.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
  } catch {
    return undefined;
  }
}

/**
 * The agent that a command asks: the one at `--url`, else the one on this host (with that `--config`).
 * @returns undefined when none runs here
 * @throws TallymanError when several run
 */
export function localTarget(flags: AskFlags, cli: CliEnvironment): Target | undefined {
  if (flags.url !== undefined) return targetOf(flags.url, 'http://127.0.0.1:8080');
  const agent = onlyAgent(withConfig(readNotes(cli.env), flags.config, cli), 'choose one with --url');
  return agent === undefined ? undefined : targetOfAgent(agent);
}

/** The same for commands that need a running agent. @throws TallymanError that says how to start one */
export function requireTarget(flags: AskFlags, cli: CliEnvironment): Target {
  const target = localTarget(flags, cli);
  if (target !== undefined) return target;
  throw new TallymanError('no agent of this user or of the system runs on this host', {
    hint: '`tallyman` starts one here, `systemctl start tallyman` the service; --url ADDRESS asks another one',
  });
}

/** The agents that use the configuration `--config`; all without it. */
export function withConfig(
  notes: readonly FoundNote[],
  config: string | undefined,
  cli: CliEnvironment,
): readonly FoundNote[] {
  if (config === undefined) return notes;
  const named = resolve(cli.workingDirectory ?? '.', config);
  return notes.filter(({ configuration }) => configuration.file === named);
}

/**
 * The agent to ask, `undefined` when none runs.
 * @throws TallymanError when there are several
 */
export function onlyAgent(notes: readonly FoundNote[], hint: string): FoundNote | undefined {
  if (notes.length > 1) throw new TallymanError(`several agents run: ${listOf(notes)}`, { hint });
  return notes[0];
}

/** `1234 (/etc/tallyman/config.yaml, http://127.0.0.1:8080), 1300 (built-in configuration, unix:/run/x)` */
export function listOf(notes: readonly AgentNote[]): string {
  const texts = notes.map(({ pid, configuration: { file = 'built-in configuration' }, urls }) => {
    return `${pid} (${[file, ...urls].join(', ')})`;
  });
  return texts.join(', ');
}
