import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { codeOf, messageOf, TallymanError } from '../../kernel/contracts/index.js';
import { type AgentNote, type FoundNote, isRunning, readNotes } from '../../kernel/operations/index.js';
import type { ReloadOutcome, ReloadState } from '../../kernel/reload/index.js';
import { ask, nameOf, routeOf, targetOf, targetOfAgent, textOf } from '../agent-client/index.js';
import { listOf, onlyAgent, withConfig } from '../agent-client/local-agent.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import type { AskFlags } from '../flags.js';

export interface ReloadFlags extends AskFlags {
  readonly pid?: string;
}

/** Time for a reload, in which plugins may have to start. */
const RELOAD_TIMEOUT_MS = 60_000;
const POLL_INTERVAL_MS = 20;
/** How often the agent is asked over HTTP while its note does not change. */
const REQUEST_INTERVAL_MS = 500;
/** Maximum difference between the clocks of two processes. */
const CLOCK_TOLERANCE_MS = 5;

/**
 * A signal needs no password, because the kernel decides who may send signals. With `url` the agent is asked over HTTP.
 * @returns 0, or 78 when the new configuration is invalid and the previous one stays active
 */
export async function reload(cli: CliEnvironment, flags: ReloadFlags): Promise<number> {
  if (flags.url !== undefined) return reloadAt(flags.url, flags, cli);
  const agent = choose(readNotes(cli.env), flags, cli);
  const sentAt = Date.now();
  try {
    process.kill(agent.pid, 'SIGHUP');
  } catch (error) {
    throw new TallymanError(`process ${agent.pid} cannot be signalled to reload: ${String(error)}`, {
      hint: 'run this as root, or as the user of the agent',
    });
  }
  const { last, file } = await waitForReload(agent, sentAt, flags, cli);
  return report(last, file, cli);
}

function choose(notes: readonly FoundNote[], { pid, config }: ReloadFlags, cli: CliEnvironment): FoundNote {
  const found = withConfig(notes, config, cli).filter((note) => pid === undefined || note.pid === Number(pid));
  const agent = onlyAgent(found, 'choose one with --pid');
  if (agent !== undefined) return agent;
  const list = listOf(notes);
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

/** @param what name of the configuration that was read; undefined: the built-in one */
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

/**
 * Waits for the outcome in the agent's note; when the note does not change, the agent is asked over HTTP.
 * @param agent its note before the reload
 * @param sentAt when the signal was sent, ms since the epoch
 */
async function waitForReload(
  agent: FoundNote,
  sentAt: number,
  flags: AskFlags,
  cli: CliEnvironment,
): Promise<ReloadState> {
  const deadline = performance.now() + RELOAD_TIMEOUT_MS;
  for (
    let nextRequestAt = performance.now() + REQUEST_INTERVAL_MS;
    performance.now() < deadline;
    await pause(POLL_INTERVAL_MS)
  ) {
    const note = noteOf(agent, cli);
    if (note !== undefined && reloadsOf(note) > reloadsOf(agent)) return note.configuration;
    if (!isRunning(agent)) throw new TallymanError(`process ${agent.pid} ended`, { hint: 'see its log' });
    if (performance.now() < nextRequestAt) continue;
    const state = await requestState(agent, flags, cli);
    // Not before the answer: the agent may have reloaded since.
    const fault = noteFault(agent, noteOf(agent, cli));
    if (state instanceof Error) {
      if (fault !== undefined) throw unknownOutcome(agent, fault, state);
    } else if (state.last !== undefined && state.last.at / 1000 > sentAt - CLOCK_TOLERANCE_MS) {
      if (fault !== undefined)
        cli.error(`tallyman: ${fault}; the agent at ${nameOf(targetOfAgent(agent))} was asked\n`);
      return state;
    }
    nextRequestAt = performance.now() + REQUEST_INTERVAL_MS;
  }
  throw new TallymanError(`process ${agent.pid} has not reloaded within ${RELOAD_TIMEOUT_MS / 1000} s`, {
    hint: 'see its log',
  });
}

/** The note of an agent as it is now. */
function noteOf({ pid, startTime }: AgentNote, cli: CliEnvironment): FoundNote | undefined {
  return readNotes(cli.env).find((note) => note.pid === pid && note.startTime === startTime);
}

function reloadsOf({ configuration }: AgentNote): number {
  return configuration.succeeded + configuration.failed;
}

async function requestState(agent: AgentNote, flags: AskFlags, cli: CliEnvironment): Promise<ReloadState | Error> {
  try {
    const text = await textOf(routeOf(targetOfAgent(agent), '/-/status'), flags, cli);
    return (JSON.parse(text) as { configuration: ReloadState }).configuration;
  } catch (error) {
    return error as Error;
  }
}

/** Why the note cannot show the outcome; `undefined` if it can. */
function noteFault({ noteFile, touchedAt }: FoundNote, now: FoundNote | undefined): string | undefined {
  if (now === undefined) return `${noteFile} is gone`;
  try {
    accessSync(dirname(noteFile), constants.W_OK);
  } catch (error) {
    if (codeOf(error) === 'EROFS') return `${noteFile} stays as it was: the filesystem is read-only`;
  }
  return now.touchedAt === touchedAt ? undefined : `${noteFile} stays as it was: the agent cannot write it`;
}

function unknownOutcome({ pid, noteFile }: FoundNote, fault: string, error: Error): TallymanError {
  return new TallymanError(
    `process ${pid} was signalled to reload; the outcome is not known: ${fault}; ${messageOf(error)}`,
    { hint: `see the log of the agent; df -h ${dirname(noteFile)}, and make room, or make it writable` },
  );
}
