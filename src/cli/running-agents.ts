import { resolve } from 'node:path';
import { TallymanError } from '../kernel/contracts/index.js';
import { type AgentNote, type FoundNote, readNotes } from '../kernel/operations/index.js';
import type { CliEnvironment } from './environment.js';

/** The agents on this host whose notes this user may read. */
export function runningAgents({ env }: CliEnvironment): FoundNote[] {
  return readNotes(env, process.geteuid?.() ?? 0);
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
  return notes
    .map(
      ({ pid, configuration, urls }) =>
        `${pid} (${[configuration.file ?? 'built-in configuration', ...urls].join(', ')})`,
    )
    .join(', ');
}
