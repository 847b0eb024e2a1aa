import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { codeOf, messageOf, TallymanError } from '../kernel/contracts/index.js';
import { type AgentNote, type FoundNote, isRunning } from '../kernel/operations/index.js';
import type { ReloadState } from '../kernel/reload/index.js';
import { type AskFlags, nameOf, routeOf, targetOfAgent, textOf } from './asking/index.js';
import type { CliEnvironment } from './environment.js';
import { runningAgents } from './running-agents.js';

/** The agent has so many ms to reload: plugins may take their time to start. */
const TIME_LIMIT = 60_000;
const LOOK_EVERY = 20;
/** When its note has said nothing for so many ms, the agent is asked. */
const ASK_EVERY = 500;
/** The clocks of two processes agree to so many ms. */
const TOLERANCE = 5;

/**
 * What an agent says of its configuration after a reload that it was told by a signal: in its note, and where that stays
 * as it was, over HTTP.
 * @param agent its note from before
 * @param toldAt when the signal was sent, ms since the epoch
 * @throws TallymanError when it ended, took too long, or has no way to say how it went
 */
export async function afterReload(
  agent: FoundNote,
  toldAt: number,
  flags: AskFlags,
  cli: CliEnvironment,
): Promise<ReloadState> {
  const deadline = performance.now() + TIME_LIMIT;
  for (let nextQuestion = performance.now() + ASK_EVERY; performance.now() < deadline; await pause(LOOK_EVERY)) {
    const note = runningAgents(cli).find((each) => isOf(agent, each));
    if (note !== undefined && reloadsOf(note) > reloadsOf(agent)) return note.configuration;
    if (!isRunning(agent)) throw new TallymanError(`process ${agent.pid} ended`, { hint: 'see its log' });
    if (performance.now() < nextQuestion) continue;
    const fault = faultOf(agent, note);
    const state = await askedFor(agent, flags, cli);
    if (state instanceof Error) {
      if (fault !== undefined) throw unknown(agent, fault, state);
    } else if (state.last !== undefined && state.last.at / 1000 > toldAt - TOLERANCE) {
      if (fault !== undefined)
        cli.error(`tallyman: ${fault}; the agent at ${nameOf(targetOfAgent(agent))} was asked\n`);
      return state;
    }
    nextQuestion = performance.now() + ASK_EVERY;
  }
  throw new TallymanError(`process ${agent.pid} has not reloaded within ${TIME_LIMIT / 1000} s`, {
    hint: 'see its log',
  });
}

const isOf = (agent: AgentNote, note: AgentNote) => note.pid === agent.pid && note.startTime === agent.startTime;

function reloadsOf({ configuration }: AgentNote): number {
  return configuration.succeeded + configuration.failed;
}

async function askedFor(agent: AgentNote, flags: AskFlags, cli: CliEnvironment): Promise<ReloadState | Error> {
  try {
    const text = await textOf(routeOf(targetOfAgent(agent), '/-/status'), flags, cli);
    return (JSON.parse(text) as { configuration: ReloadState }).configuration;
  } catch (error) {
    return error as Error;
  }
}

/** Why the note will not tell; `undefined`: it may. */
function faultOf({ noteFile, touchedAt }: FoundNote, now: FoundNote | undefined): string | undefined {
  if (now === undefined) return `${noteFile} is gone`;
  try {
    accessSync(dirname(noteFile), constants.W_OK);
  } catch (error) {
    if (codeOf(error) === 'EROFS') return `${noteFile} stays as it was: the filesystem is read-only`;
  }
  return now.touchedAt === touchedAt ? undefined : `${noteFile} stays as it was: the agent cannot write it`;
}

function unknown({ pid, noteFile }: FoundNote, fault: string, error: Error): TallymanError {
  return new TallymanError(
    `process ${pid} was told to reload; how that ended is not known: ${fault}; ${messageOf(error)}`,
    { hint: `see the log of the agent; df -h ${dirname(noteFile)}, and make room, or make it writable` },
  );
}
