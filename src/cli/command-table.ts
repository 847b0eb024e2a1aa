import type { Command } from 'commander';
import { SORT_NAMES } from '../client/top/index.js';
import { PLUGIN_KINDS } from '../kernel/contracts/plugin-status.js';
import type { CliEnvironment } from './environment.js';
import { EXIT } from './exit.js';

/** A command, or a group of commands. Its module is imported when it runs. */
export interface CommandSpec {
  readonly name: string;
  readonly description: string;
  /** `<required>`, `[optional]`, `<list...>`; the words that may be given, if they can be listed. */
  readonly arguments?: readonly (readonly [syntax: string, description: string, choices?: readonly string[]])[];
  readonly options?: readonly OptionSpec[];
  /** Description of `--url`, of a command that sends requests to an agent. It has the options of authentication, too. */
  readonly url?: string;
  readonly commands?: readonly CommandSpec[];
  /** @param command its arguments and options, as parsed @returns the exit status, if it is not always 0 */
  run?(command: Command, cli: CliEnvironment): Promise<number> | Promise<void>;
}

/** An option; its values for completion, which are validated by the command, or its default. */
export type OptionSpec = readonly [syntax: string, description: string, values?: readonly string[] | string];

/** Of commands that send requests to an agent. Secrets are read from files, because every user can read command lines. */
export const CREDENTIAL_OPTIONS: readonly OptionSpec[] = [
  ['--user <name>', 'user for --password-file, or name of the token in --token-file'],
  ['--password-file <file>', 'with --user: file with the password, for Basic and Digest authentication'],
  ['--token-file <file>', 'file with a bearer token, or with several named ones'],
  ['--ca <file>', 'PEM file of the authority that signed the agent’s certificate'],
  ['--cert <file>', 'PEM file of a client certificate'],
  ['--key <file>', 'with --cert: PEM file of its private key'],
];
const JSON_OPTION: OptionSpec = ['--json', 'print JSON'];
const THIS_HOST = 'address of the agent; default: the one on this host';
const OR_START_ONE = 'ask this running agent; default: start a temporary one with the configuration';
const CAPSULE_PATH = ['<path>', 'file of a capsule, or the id of one on this host'] as const;
const PLUGIN_PATH = ['<path>', 'folder of a package, a module, or a name as in the configuration'] as const;
const PLUGIN_OPTIONS = "its options, as YAML: '{ interval: 5s }'";

/** In the order of the help text. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'check',
    description: 'print the effective configuration as YAML, or all its errors (exit status 78)',
    arguments: [['[file]', 'the configuration to check, as --config names it']],
    run: call(async () => (await import('./commands/check.js')).check),
  },
  {
    name: 'reload',
    description: 'reload the configuration of the running agent and print what changed (exit status 78: not reloaded)',
    options: [['--pid <number>', 'process id of the agent, if several run']],
    url: 'reload the agent at this URL over HTTP; default: send a signal to the agent on this host',
    run: call(async () => (await import('./commands/reload.js')).reload),
  },
  {
    name: 'doctor',
    description:
      'report what prevents measurements on this host, and how to fix it (exit status 0: nothing that matters)',
    options: [JSON_OPTION],
    url: OR_START_ONE,
    run: call(async () => (await import('./commands/doctor.js')).doctor),
  },
  {
    name: 'top',
    description: 'show the containers of the agent in a table that is renewed; `h` lists the keys',
    options: [
      ['--once', 'print the table once, with all cgroups'],
      ['--json', 'print a JSON list of all containers and cgroups, one per interval without --once'],
      ['--sort <quantity>', 'what to sort by; default: cpu', SORT_NAMES],
      ['--filter <words>', 'show what fits all words: of name or image, state:exited, label:team=a, project:shop'],
      ['--all', 'show cgroups that belong to no container runtime, too'],
      ['--interval <seconds>', 'seconds between two updates; default: 1'],
    ],
    url: THIS_HOST,
    run: call(async () => (await import('./commands/top.js')).top),
  },
  {
    name: 'record',
    description: 'write a capsule of a container now, and print its id',
    arguments: [['<container>', 'absolute name, alias, id or unit']],
    url: THIS_HOST,
    run: call(async () => (await import('./commands/capsules.js')).record),
  },
  {
    name: 'capsules',
    description: 'list the capsules of containers that ended badly',
    options: [JSON_OPTION],
    url: `${THIS_HOST}, else the files on this host`,
    run: call(async () => (await import('./commands/capsules.js')).listCapsules),
    commands: [
      {
        name: 'export',
        description: 'print the samples of a capsule for other programs',
        arguments: [CAPSULE_PATH],
        options: [
          ['--csv', 'one line per number: time, container, metric, unit, labels, value'],
          ['--openmetrics', 'OpenMetrics with timestamps, for `promtool tsdb create-blocks-from openmetrics`'],
        ],
        run: call(async () => (await import('./commands/capsules-export.js')).exportCapsule),
      },
    ],
  },
  {
    name: 'replay',
    description: 'serve the pages and the API of a capsule on loopback, at --port or a free port',
    arguments: [CAPSULE_PATH],
    run: call(async () => (await import('./commands/replay.js')).replay),
  },
  {
    name: 'import-flags',
    description: 'convert a cAdvisor command line to a configuration, and print what has no equivalent',
    arguments: [['<command line...>', 'the command line in quotes, or a compose file, manifest or systemd unit']],
    run: call(async () => (await import('./commands/import-flags.js')).importCommandLine),
  },
  {
    name: 'compat',
    description: 'compare the answers of cAdvisor and this agent (exit status 0: they differ only on purpose)',
    arguments: [
      ['<old url>', 'URL of cAdvisor: http://127.0.0.1:8081'],
      ['[new url]', 'URL of the agent; default: the one on this host'],
    ],
    options: [
      JSON_OPTION,
      ['--containers <number>', 'number of containers to compare', '12'],
      ['--rate <number>', 'maximum requests per second to each of them', '20'],
      ...CREDENTIAL_OPTIONS,
    ],
    run: call(async () => (await import('./commands/compat.js')).compat),
  },
  {
    name: 'cardinality',
    description: 'print how many series the metrics have, by metric, label and container',
    options: [JSON_OPTION],
    url: OR_START_ONE,
    run: call(async () => (await import('./commands/cardinality.js')).cardinality),
  },
  {
    name: 'plugins',
    description: 'list running and available plugins with state, version, cost and last error',
    options: [JSON_OPTION],
    url: `${THIS_HOST}, else what would be loaded`,
    run: call(async () => (await import('./commands/plugins.js')).listPlugins),
  },
  {
    name: 'why',
    description: 'print what is wrong with a container, or the three worst things of this host, and what mends it',
    arguments: [['[container]', 'name, alias, id, unit or absolute cgroup path; `/`: the machine']],
    options: [JSON_OPTION],
    url: `${THIS_HOST}, else a temporary one`,
    run: call(async () => (await import('./commands/why.js')).why),
  },
  {
    name: 'advise',
    description: 'print CPU and memory limits for a container, or for all, from what was used in the last day',
    arguments: [['[container]', 'name, alias, id, unit or absolute cgroup path']],
    options: [JSON_OPTION],
    url: THIS_HOST,
    run: call(async () => (await import('./commands/advise.js')).advise),
  },
  {
    name: 'plugin',
    description: 'write, test and run plugins',
    commands: [
      {
        name: 'new',
        description: 'create a package with a working plugin and its tests; overwrites nothing',
        arguments: [
          ['<kind>', 'kind of the plugin', PLUGIN_KINDS],
          ['<name>', 'lower-case letters, digits and dashes: nginx-status'],
        ],
        options: [['--dir <folder>', 'target folder; default: the name']],
        run: call(async () => (await import('./commands/plugin-new.js')).newPlugin),
      },
      {
        name: 'test',
        description:
          'check a plugin against its contract on a simulated host, and run its test cases (exit status 1: failed)',
        arguments: [PLUGIN_PATH],
        options: [
          ['--with <yaml>', `${PLUGIN_OPTIONS}; default: options of its first test case`],
          ['--update', 'write the output of its test cases as expected.json'],
          ['--time-limit <duration>', 'time limit of one check; default: 60s'],
        ],
        run: call(async () => (await import('./commands/plugin-test.js')).testPlugin),
      },
      {
        name: 'run',
        description: 'run a plugin once on this host and print its output (exit status 1: it had a fault)',
        arguments: [PLUGIN_PATH],
        options: [
          ['--with <yaml>', PLUGIN_OPTIONS],
          ['--request <route>', 'path to request of an endpoint or API version; default: each route'],
          ['--all', 'print all containers and lines'],
        ],
        run: call(async () => (await import('./commands/plugin-run.js')).runPlugin),
      },
    ],
  },
  {
    name: 'sink',
    description: 'look into sinks',
    commands: [
      {
        name: 'test',
        description:
          'send what is measured now by a sink of the configuration (exit status 1: the receiver did not take it)',
        arguments: [['<name>', 'ID of the sink in the configuration']],
        run: call(async () => (await import('./commands/sink-test.js')).testSink),
      },
    ],
  },
  {
    name: 'config',
    description: 'print documents about the configuration',
    commands: [
      configDocument('sample', 'print the commented default configuration'),
      configDocument('schema', 'print the JSON Schema of the configuration, for editors'),
      configDocument('reference', 'print tables of all options in Markdown'),
    ],
  },
  {
    name: 'service',
    description: 'run the agent as a systemd service',
    commands: [
      serviceChange('install', 'install the systemd service: user, default configuration, unit, privileges; start it'),
      serviceChange(
        'privileges',
        'grant the service the privileges of its enabled plugins; run it after a change of the configuration',
      ),
      serviceChange('uninstall', 'remove what `install` created', ['--purge', 'also remove a changed configuration']),
      {
        name: 'status',
        description: 'print the state of the service (exit status 0: running, 3: stopped, 4: not installed)',
        run: async (_, cli) => (await import('./commands/service.js')).showService(cli),
      },
    ],
  },
  {
    name: 'completion',
    description: 'print the completion script for a shell',
    arguments: [['<shell>', '', ['bash', 'zsh', 'fish']]],
    run: async (command, cli) => {
      const { completionScript } = await import('./documents/completion.js');
      cli.out(completionScript(command.args[0] as 'bash' | 'zsh' | 'fish', command.parent!));
    },
  },
  {
    name: 'man',
    description: 'print the manual page, for man(1)',
    run: async (command, cli) => {
      cli.out((await import('./documents/man.js')).manualPage(command.parent!));
    },
  },
];

/** @throws ConfigError, TallymanError, which the program reports */
type Run = (cli: CliEnvironment, flags: never, ...args: never[]) => Promise<number> | Promise<void>;

/** Calls the function of a command with its options, those of the program, and its arguments. */
function call(load: () => Promise<Run>): (command: Command, cli: CliEnvironment) => Promise<number> {
  return async (command, cli) => {
    const run = await load();
    return (await run(cli, command.optsWithGlobals() as never, ...(command.args as never[]))) ?? EXIT.ok;
  };
}

function configDocument(name: 'sample' | 'schema' | 'reference', description: string): CommandSpec {
  return {
    name,
    description,
    run: async (_, cli) => {
      cli.out(await (await import('./commands/config.js')).renderConfig(name));
    },
  };
}

function serviceChange(
  name: 'install' | 'privileges' | 'uninstall',
  description: string,
  ...options: readonly OptionSpec[]
): CommandSpec {
  return {
    name,
    description,
    options: [['--dry-run', 'only print what would be done'], ...options],
    run: async (command, cli) =>
      (await import('./commands/service.js')).changeService(name, command.optsWithGlobals(), cli),
  };
}
