import { TallymanError } from '../../kernel/contracts/index.js';
import type { FoundNote } from '../../kernel/operations/index.js';
import type { ReloadOutcome } from '../../kernel/reload/index.js';
import { type AskFlags, ask, routeOf, targetOf } from '../asking/index.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import { afterReload } from '../reloading.js';
import { listOf, runningAgents, withConfig } from '../running-agents.js';

export interface ReloadFlags extends AskFlags {
  readonly pid?: string;
}

/**
 * `tallyman reload`: sends SIGHUP to the running agent, waits for the outcome, and prints it. Needs no
 * password: the kernel says who may send signals. With `url` the agent there is asked over HTTP instead.
 * @returns 0, or 78 when the new configuration cannot be used and the one from before stays active
 * @throws TallymanError when there is no agent, or several
 */
export async function reload(flags: ReloadFlags, cli: CliEnvironment): Promise<number> {
  if (flags.url !== undefined) return reloadAt(flags.url, flags, cli);
  const agent = choose(runningAgents(cli), flags, cli);
  const toldAt = Date.now();
  try {
    process.kill(agent.pid, 'SIGHUP');
  } catch (error) {
    throw new TallymanError(`process ${agent.pid} cannot be told to reload: ${String(error)}`, {
      hint: 'run this as root, or as the user of the agent',
    });
  }
  const { last, file } = await afterReload(agent, toldAt, flags, cli);
  return report(last, file, cli);
}

function choose(notes: readonly FoundNote[], { pid, config }: ReloadFlags, cli: CliEnvironment): FoundNote {
  const found = withConfig(notes, config, cli).filter((note) => pid === undefined || note.pid === Number(pid));
  if (found.length === 1) return found[0]!;
  const list = listOf(notes);
  if (found.length > 1) throw new TallymanError(`several agents run: ${list}`, { hint: 'choose one with --pid' });
  throw new TallymanError(`no running agent was found${list === '' ? '' : ` that fits; there are ${list}`}`, {
    hint: 'systemctl reload tallyman, or kill -HUP with the process id of the agent',
  });
}

const UNPROCESSABLE = 422;
const ROUTE = '/-/reload';

async function reloadAt(text: string, flags: ReloadFlags, cli: CliEnvironment): Promise<number> {
  const target = routeOf(targetOf(text, 'http://127.0.0.1:8080'), ROUTE);
  const answer = await ask(target, flags, cli, 'POST');
  if (answer.status === 200 || answer.status === UNPROCESSABLE) {
    return report(JSON.parse(answer.text) as ReloadOutcome, target.url.host, cli);
  }
  throw new TallymanError(`the agent does not reload: ${answer.status} ${answer.text.trim()}`);
}

/** @param what how the configuration is called that was read; absent: the built-in one */
function report(outcome: ReloadOutcome | undefined, what: string | undefined, cli: CliEnvironment): number {
  if (outcome?.ok !== true) {
    cli.error(`tallyman: the configuration from before stays active: ${outcome?.error}\n`);
    return EXIT.config;
  }
  const changes = outcome.changes.length === 0 ? 'nothing has changed' : outcome.changes.join(', ');
  cli.out(`${what ?? 'the built-in configuration'} is active: ${changes}\n`);
  if (outcome.restart.length > 0) {
    cli.out(`takes effect when the agent is started again: ${outcome.restart.join(', ')}\n`);
  }
  return EXIT.ok;
}
