import { type Command, Option } from 'commander';
import { SORT_NAMES } from '../client/top/index.js';
import { addAskOptions } from './agent-client/options.js';
import type { TopFlags } from './commands/top.js';
import type { CliEnvironment, Perform } from './environment.js';

export function addTopCommand(program: Command, cli: CliEnvironment, perform: Perform): void {
  const sort = new Option('--sort <quantity>', 'what to sort by; default: cpu');
  sort.argChoices = [...SORT_NAMES];
  const command = program
    .command('top')
    .description('show the containers of the agent in a table that is renewed; `h` lists the keys')
    .option('--once', 'print the table once, with all cgroups')
    .option('--json', 'print a JSON list of all containers and cgroups, one per interval without --once')
    .addOption(sort)
    .option('--filter <words>', 'show what fits all words: of name or image, state:exited, label:team=a, project:shop')
    .option('--all', 'show cgroups that belong to no container runtime, too')
    .option('--interval <seconds>', 'seconds between two updates; default: 1');
  addAskOptions(command, 'address of the agent; default: the one on this host').action(() =>
    perform(async () => (await import('./commands/top.js')).top(command.optsWithGlobals<TopFlags>(), cli)),
  );
}
