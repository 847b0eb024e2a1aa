import type { Command } from 'commander';
import { addAskOptions } from './agent-client/options.js';
import type { CardinalityFlags } from './commands/cardinality.js';
import type { DoctorFlags } from './commands/doctor.js';
import type { PluginsFlags } from './commands/plugins.js';
import type { ReloadFlags } from './commands/reload.js';
import type { CliEnvironment, Perform } from './environment.js';

type Flags = ReloadFlags & DoctorFlags & CardinalityFlags & PluginsFlags;

/** A command that sends requests to a running agent. */
interface AskCommand {
  readonly description: string;
  /** The option besides `--url` and credentials. */
  readonly option: readonly [flags: string, description: string];
  readonly url: string;
  load(): Promise<(flags: Flags, cli: CliEnvironment) => Promise<number>>;
}

const JSON_OPTION = ['--json', 'print JSON'] as const;
const OR_START_ONE = 'ask this running agent; default: start a temporary one with the configuration';

const COMMANDS = {
  reload: {
    description: 'reload the configuration of the running agent and print what changed (exit status 78: not reloaded)',
    option: ['--pid <number>', 'process id of the agent, if several run'],
    url: 'reload the agent at this URL over HTTP; default: send a signal to the agent on this host',
    load: async () => (await import('./commands/reload.js')).reload,
  },
  doctor: {
    description:
      'report what prevents measurements on this host, and how to fix it (exit status 0: nothing that matters)',
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
    description: 'list running and available plugins with state, version, cost and last error',
    option: JSON_OPTION,
    url: 'address of the agent; default: the one on this host, else what would be loaded',
    load: async () => (await import('./commands/plugins.js')).listPlugins,
  },
} satisfies Record<string, AskCommand>;

/** Adds the command of that name with its options. */
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
