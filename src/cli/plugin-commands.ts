import { Argument, type Command } from 'commander';
import { PLUGIN_KINDS, type PluginKind } from '../kernel/contracts/plugin-status.js';
import type { PluginRunFlags } from './commands/plugin-run.js';
import type { PluginTestFlags } from './commands/plugin-test.js';
import type { CliEnvironment, Perform } from './environment.js';

const PATH = 'folder of a package, a module, or a name as in the configuration';
const WITH = "its options, as YAML: '{ interval: 5s }'";

/** Commands for who writes plugins: `plugin new`, `plugin test`, `plugin run`. */
export function addPluginCommands(program: Command, cli: CliEnvironment, perform: Perform): void {
  const group = program.command('plugin').description('write, test and try plugins of your own');
  group
    .command('new')
    .description('write the package of a new plugin, which builds, passes its tests and runs; overwrites nothing')
    .addArgument(new Argument('<kind>', 'what the plugin is to be').choices(PLUGIN_KINDS))
    .argument('<name>', 'small letters, digits and dashes: nginx-status')
    .option('--dir <folder>', 'where to; default: a folder of that name')
    .action((kind: PluginKind, name: string, flags: { dir?: string }) =>
      perform(async () => (await import('./commands/plugin-new.js')).newPlugin(kind, name, flags, cli)),
    );
  group
    .command('test')
    .description(
      'check on a simulated host that a plugin keeps the contract, and run its test cases (exit status 1: no)',
    )
    .argument('<path>', PATH)
    .option('--with <yaml>', `${WITH}; default: those of its first test case`)
    .option('--update', 'write what its test cases give as what is expected')
    .option('--time-limit <duration>', 'what one check may take; default: 60s')
    .action((path: string, flags: PluginTestFlags) =>
      perform(async () => (await import('./commands/plugin-test.js')).testPlugin(path, flags, cli)),
    );
  const run = group
    .command('run')
    .description('run a plugin once on this host and print what it gives (exit status 1: it had a fault)')
    .argument('<path>', PATH)
    .option('--with <yaml>', WITH)
    .option('--request <route>', 'of an endpoint or API version: ask for this path; default: each route')
    .option('--all', 'print everything, not the first few containers and lines');
  run.action((path: string) =>
    perform(async () =>
      (await import('./commands/plugin-run.js')).runPlugin(path, run.optsWithGlobals<PluginRunFlags>(), cli),
    ),
  );
}
