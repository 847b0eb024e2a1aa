import { Argument, type Command } from 'commander';
import { PLUGIN_KINDS, type PluginKind } from '../kernel/contracts/plugin-status.js';
import type { PluginRunFlags } from './commands/plugin-run.js';
import type { PluginTestFlags } from './commands/plugin-test.js';
import type { CliEnvironment, Perform } from './environment.js';

const PATH = 'folder of a package, a module, or a name as in the configuration';
const WITH = "its options, as YAML: '{ interval: 5s }'";

export function addSinkCommands(program: Command, cli: CliEnvironment, perform: Perform): void {
  const test = program
    .command('sink')
    .description('look into sinks')
    .command('test')
    .description(
      'send what is measured now by a sink of the configuration (exit status 1: the receiver did not take it)',
    )
    .argument('<name>', 'ID of the sink in the configuration');
  test.action((name: string) =>
    perform(async () => (await import('./commands/sink-test.js')).testSink(name, test.optsWithGlobals(), cli)),
  );
}

/** Commands for plugin authors: `plugin new`, `plugin test`, `plugin run`. */
export function addPluginCommands(program: Command, cli: CliEnvironment, perform: Perform): void {
  const group = program.command('plugin').description('write, test and run plugins');
  group
    .command('new')
    .description('create a package with a working plugin and its tests; overwrites nothing')
    .addArgument(new Argument('<kind>', 'kind of the plugin').choices(PLUGIN_KINDS))
    .argument('<name>', 'lower-case letters, digits and dashes: nginx-status')
    .option('--dir <folder>', 'target folder; default: the name')
    .action((kind: PluginKind, name: string, flags: { dir?: string }) =>
      perform(async () => (await import('./commands/plugin-new.js')).newPlugin(kind, name, flags, cli)),
    );
  group
    .command('test')
    .description(
      'check a plugin against its contract on a simulated host, and run its test cases (exit status 1: failed)',
    )
    .argument('<path>', PATH)
    .option('--with <yaml>', `${WITH}; default: options of its first test case`)
    .option('--update', 'write the output of its test cases as expected.json')
    .option('--time-limit <duration>', 'time limit of one check; default: 60s')
    .action((path: string, flags: PluginTestFlags) =>
      perform(async () => (await import('./commands/plugin-test.js')).testPlugin(path, flags, cli)),
    );
  const run = group
    .command('run')
    .description('run a plugin once on this host and print its output (exit status 1: it had a fault)')
    .argument('<path>', PATH)
    .option('--with <yaml>', WITH)
    .option('--request <route>', 'path to request of an endpoint or API version; default: each route')
    .option('--all', 'print all containers and lines');
  run.action((path: string) =>
    perform(async () =>
      (await import('./commands/plugin-run.js')).runPlugin(path, run.optsWithGlobals<PluginRunFlags>(), cli),
    ),
  );
}
