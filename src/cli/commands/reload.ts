import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TallymanError } from '../../kernel/contracts/index.js';
import { type AgentNote, readNotes } from '../../kernel/operations/index.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import type { ConfigFlags } from '../flags.js';

/** The agent has so many ms to reload: plugins may take their time to start. */
const TIME_LIMIT = 60_000;
const LOOK_EVERY = 20;

export interface ReloadFlags extends ConfigFlags {
  readonly pid?: string;
}

/**
 * `tallyman reload`: sends SIGHUP to the running agent, waits for the outcome in its note, and prints it. Needs no
 * password: the kernel says who may send signals.
 * @returns 0, or 78 when the new configuration cannot be used and the one from before stays active
 * @throws TallymanError when there is no agent, or several
 */
export async function reload(flags: ReloadFlags, cli: CliEnvironment): Promise<number> {
  const notes = () => readNotes(cli.env, process.geteuid?.() ?? 0);
  const agent = choose(notes(), flags, cli);
  const before = reloadsOf(agent);
  try {
    process.kill(agent.pid, 'SIGHUP');
  } catch (error) {
    throw new TallymanError(`process ${agent.pid} cannot be told to reload: ${String(error)}`, {
      hint: 'run this as root, or as the user of the agent',
    });
  }
  const deadline = performance.now() + TIME_LIMIT;
  while (performance.now() < deadline) {
    await pause(LOOK_EVERY);
    const now = notes().find(({ pid, startTime }) => pid === agent.pid && startTime === agent.startTime);
    if (now === undefined) throw new TallymanError(`process ${agent.pid} ended`, { hint: 'see its log' });
    if (reloadsOf(now) > before) return report(now, cli);
  }
  throw new TallymanError(`process ${agent.pid} has not reloaded within ${TIME_LIMIT / 1000} s`, {
    hint: 'see its log',
  });
}

function reloadsOf({ configuration }: AgentNote): number {
  return configuration.succeeded + configuration.failed;
}

function choose(notes: readonly AgentNote[], { pid, config }: ReloadFlags, cli: CliEnvironment): AgentNote {
  const named = config === undefined ? undefined : resolve(cli.workingDirectory ?? '.', config);
  const fits = (note: AgentNote) =>
    (pid === undefined || note.pid === Number(pid)) && (named === undefined || note.configuration.file === named);
  const found = notes.filter(fits);
  if (found.length === 1) return found[0]!;
  const list = notes.map((note) => `${note.pid} (${note.configuration.file ?? 'built-in configuration'})`).join(', ');
  if (found.length > 1) throw new TallymanError(`several agents run: ${list}`, { hint: 'choose one with --pid' });
  throw new TallymanError(`no running agent was found${list === '' ? '' : ` that fits; there are ${list}`}`, {
    hint: 'systemctl reload tallyman, or kill -HUP with the process id of the agent',
  });
}

function report({ configuration: { file, last } }: AgentNote, cli: CliEnvironment): number {
  if (last?.ok !== true) {
    cli.error(`tallyman: the configuration from before stays active: ${last?.error}\n`);
    return EXIT.config;
  }
  const what = last.changes.length === 0 ? 'nothing has changed' : last.changes.join(', ');
  cli.out(`${file ?? 'the built-in configuration'} is active: ${what}\n`);
  if (last.restart.length > 0) cli.out(`takes effect when the agent is started again: ${last.restart.join(', ')}\n`);
  return EXIT.ok;
}
