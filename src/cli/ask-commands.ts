import type { Command } from 'commander';
import { addAskOptions } from './agent-client/options.js';
import type { CardinalityFlags } from './commands/cardinality.js';
import type { DoctorFlags } from './commands/doctor.js';
import type { PluginsFlags } from './commands/plugins.js';
import type { ReloadFlags } from './commands/reload.js';
import type { CliEnvironment, Perform } from './environment.js';

type Flags = ReloadFlags & DoctorFlags & CardinalityFlags & PluginsFlags;

/** A command that asks a running agent. */
interface AskCommand {
  readonly description: string;
  /** The one option that is not about whom to ask: how it is written, and what it does. */
  readonly option: readonly [flags: string, description: string];
  /** What `--url` does, and what happens without. */
  readonly url: string;
  load(): Promise<(flags: Flags, cli: CliEnvironment) => Promise<number>>;
}

const JSON_OPTION = ['--json', 'print JSON'] as const;
const OR_START_ONE = 'ask this running agent; without it one is started with the configuration, for this once';

const COMMANDS = {
  reload: {
    description:
      'let the running agent read its configuration again, and say what changed (exit status 78: nothing did)',
    option: ['--pid <number>', 'of several agents the one with this process id'],
    url: 'ask the agent that serves there over HTTP, instead of sending a signal on this host',
    load: async () => (await import('./commands/reload.js')).reload,
  },
  doctor: {
    description: 'say what of this host takes numbers away, and how to mend it (exit status 0: nothing that matters)',
    option: JSON_OPTION,
    url: OR_START_ONE,
    load: async () => (await import('./commands/doctor.js')).doctor,
  },
  cardinality: {
    description: 'print how many series the metrics have, by metric, label and container',
    option: JSON_OPTION,
    url: OR_START_ONE,
    load: async () => (await import('./commands/cardinality.js')).cardinality,
  },
  plugins: {
    description: 'list the plugins that run and those that could, with state, version, cost and last error',
    option: JSON_OPTION,
    url: 'of this running agent; without it of the one on this host, else what would be loaded',
    load: async () => (await import('./commands/plugins.js')).listPlugins,
  },
} satisfies Record<string, AskCommand>;

/** Adds the command of that name, with its options and those that say whom to ask. */
export function addAskCommand(
  name: keyof typeof COMMANDS,
  program: Command,
  cli: CliEnvironment,
  perform: Perform,
): void {
  const { description, option, url, load }: AskCommand = COMMANDS[name];
  const command = program
    .command(name)
    .description(description)
    .option(...option);
  addAskOptions(command, url).action(() =>
    perform(async () => {
      const run = await load();
      return run(command.optsWithGlobals<Flags>(), cli);
    }),
  );
}
