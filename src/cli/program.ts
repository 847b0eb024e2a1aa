import { Argument, Command, CommanderError, Option } from 'commander';
import { type AnswerFlags, addAskOptions, addCredentialOptions } from './agent-client/options.js';
import { addAskCommand } from './ask-commands.js';
import { addCapsuleCommands } from './capsule-commands.js';
import type { CompatFlags } from './commands/compat.js';
import type { ServiceFlags } from './commands/service.js';
import { type CliEnvironment, type Perform, processEnvironment } from './environment.js';
import { EXIT } from './exit.js';
import { type ConfigFlags, splitAddresses } from './flags.js';
import { addPluginCommands, addSinkCommands } from './plugin-commands.js';
import { addTopCommand } from './top-command.js';
import { agentVersion } from './version.js';

export { processEnvironment };

const CONFIG_DOCUMENTS = [
  ['sample', 'print the commented default configuration'],
  ['schema', 'print the JSON Schema of the configuration, for editors'],
  ['reference', 'print tables of all options in Markdown'],
] as const;

/**
 * Runs one command line. Commands are imported when they are called, so that `--version` and `--help` load none of them.
 * @returns the exit status
 */
export async function runCli(args: readonly string[], cli: CliEnvironment = processEnvironment()): Promise<number> {
  let status: number = EXIT.ok;
  const program = createProgram(cli, async (command) => {
    status = await command();
  });
  try {
    await program.parseAsync(withForeignFlags(args), { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.config;
    const { reportError } = await import('./report.js');
    return reportError(error, cli);
  }
}

/** The arguments of `import-flags` are flags of another program, some with the names of ours. */
function withForeignFlags(args: readonly string[]): string[] {
  const index = args.indexOf('import-flags');
  if (index < 0 || args[index + 1] === '--help' || args[index + 1] === '--') return [...args];
  return args.toSpliced(index + 1, 0, '--');
}

function createProgram(cli: CliEnvironment, perform: Perform): Command {
  const program = new Command('tallyman')
    .description('Counts what the containers of this host consume, and serves the counts.')
    .version(`tallyman ${agentVersion()}`, '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .configureOutput({ writeOut: cli.out, writeErr: cli.error })
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .showSuggestionAfterError()
    .addOption(new Option('--config <file>', 'read this configuration instead of searching for one [TALLYMAN_CONFIG]'))
    .addOption(
      new Option(
        '--listen <address>',
        'serve on host:port, [IPv6]:port, :port or unix:/path; repeatable, or with commas [TALLYMAN_LISTEN]',
      ).argParser((text, earlier: string[] | undefined) => [...(earlier ?? []), ...splitAddresses(text)]),
    )
    .addOption(new Option('--port <number>', 'serve on this port of the configured addresses [TALLYMAN_PORT]'))
    .addOption(
      new Option(
        '--allow-unauthenticated',
        'serve other hosts without authentication [TALLYMAN_ALLOW_UNAUTHENTICATED]',
      ),
    )
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      '\nThe variable in brackets has the same effect as the option. Options override variables, which override the file.',
    );
  const flags = () => program.opts<ConfigFlags>();
  program
    .command('check')
    .description('print the effective configuration as YAML, or all its errors (exit status 78)')
    .argument('[file]', 'the configuration to check, as --config names it')
    .action((file: string | undefined) =>
      perform(async () => (await import('./commands/check.js')).check(file, flags(), cli)),
    );
  addAskCommand('reload', program, cli, perform);
  addAskCommand('doctor', program, cli, perform);
  addTopCommand(program, cli, perform);
  addCapsuleCommands(program, cli, perform);
  addImportCommand(program, cli, perform);
  addCompatCommand(program, cli, perform);
  addAskCommand('cardinality', program, cli, perform);
  addAskCommand('plugins', program, cli, perform);
  addWhyCommand(program, cli, perform);
  addAdviseCommand(program, cli, perform);
  addPluginCommands(program, cli, perform);
  addSinkCommands(program, cli, perform);
  addConfigCommands(program, cli);
  addServiceCommands(program, cli, perform);
  addDocumentCommands(program, cli);
  // Set after the commands are added, because they would inherit it.
  program.allowExcessArguments().action(async () => {
    const [unknown] = program.args;
    if (unknown !== undefined) program.error(await unknownCommand(unknown, program));
    return perform(async () => (await import('./commands/run.js')).run(flags(), cli));
  });
  return program;
}

function addImportCommand(program: Command, cli: CliEnvironment, perform: Perform): void {
  program
    .command('import-flags')
    .description('convert a cAdvisor command line to a configuration, and print what has no equivalent')
    .argument('<command line...>', 'the command line in quotes, or a compose file, manifest or systemd unit')
    .action((given: string[]) =>
      perform(async () => (await import('./commands/import-flags.js')).importCommandLine(given, cli)),
    );
}

function addCompatCommand(program: Command, cli: CliEnvironment, perform: Perform): void {
  const command = program
    .command('compat')
    .description('compare the answers of cAdvisor and this agent (exit status 0: they differ only on purpose)')
    .argument('<old url>', 'URL of cAdvisor: http://127.0.0.1:8081')
    .argument('[new url]', 'URL of the agent; default: the one on this host')
    .option('--json', 'print JSON')
    .option('--containers <number>', 'number of containers to compare', '12')
    .option('--rate <number>', 'maximum requests per second to each of them', '20');
  addCredentialOptions(command).action((old: string, fresh: string | undefined) =>
    perform(async () => {
      const { compat } = await import('./commands/compat.js');
      return compat(old, fresh, command.optsWithGlobals<CompatFlags>(), cli);
    }),
  );
}

function addWhyCommand(program: Command, cli: CliEnvironment, perform: Perform): void {
  const command = program
    .command('why')
    .description('print what is wrong with a container, or the three worst things of this host, and what mends it')
    .argument('[container]', 'name, alias, id, unit or absolute cgroup path; `/`: the machine')
    .option('--json', 'print JSON');
  addAskOptions(command, 'address of the agent; default: the one on this host, else a temporary one').action(
    (container: string | undefined) =>
      perform(async () => {
        const { why } = await import('./commands/why.js');
        return why(container, command.optsWithGlobals<AnswerFlags>(), cli);
      }),
  );
}

function addAdviseCommand(program: Command, cli: CliEnvironment, perform: Perform): void {
  const command = program
    .command('advise')
    .description('print CPU and memory limits for a container, or for all, from what was used in the last day')
    .argument('[container]', 'name, alias, id, unit or absolute cgroup path')
    .option('--json', 'print JSON');
  addAskOptions(command, 'address of the agent; default: the one on this host').action(
    (container: string | undefined) =>
      perform(async () => {
        const { advise } = await import('./commands/advise.js');
        return advise(container, command.optsWithGlobals<AnswerFlags>(), cli);
      }),
  );
}

/** Lists its values for completion; they are validated with the rest of the configuration. */
function logLevelOption(): Option {
  const option = new Option('--log-level <level>', 'minimum level of log lines [TALLYMAN_LOG_LEVEL]');
  option.argChoices = ['debug', 'info', 'warn', 'error', 'silent'];
  return option;
}

function addConfigCommands(program: Command, cli: CliEnvironment): void {
  const group = program.command('config').description('print documents about the configuration');
  for (const [name, description] of CONFIG_DOCUMENTS) {
    group
      .command(name)
      .description(description)
      .action(async () => {
        const { renderConfig } = await import('./commands/config.js');
        cli.out(await renderConfig(name));
      });
  }
}

const SERVICE_CHANGES = [
  ['install', 'install the systemd service: user, default configuration, unit, privileges; start it'],
  ['privileges', 'grant the service the privileges of its enabled plugins; run it after a change of the configuration'],
  ['uninstall', 'remove what `install` created'],
] as const;

function addServiceCommands(program: Command, cli: CliEnvironment, perform: Perform): void {
  const group = program.command('service').description('run the agent as a systemd service');
  for (const [name, description] of SERVICE_CHANGES) {
    const command = group.command(name).description(description).option('--dry-run', 'only print what would be done');
    if (name === 'uninstall') command.option('--purge', 'also remove a changed configuration');
    command.action(() =>
      perform(async () => {
        const { changeService } = await import('./commands/service.js');
        return changeService(name, command.optsWithGlobals<ConfigFlags & ServiceFlags>(), cli);
      }),
    );
  }
  group
    .command('status')
    .description('print the state of the service (exit status 0: running, 3: stopped, 4: not installed)')
    .action(() => perform(async () => (await import('./commands/service.js')).showService(cli)));
}

function addDocumentCommands(program: Command, cli: CliEnvironment): void {
  program
    .command('completion')
    .description('print the completion script for a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionFor } = await import('./commands/documents.js');
      cli.out(completionFor(shell, program));
    });
  program
    .command('man')
    .description('print the manual page, for man(1)')
    .action(async () => {
      const { manualOf } = await import('./commands/documents.js');
      cli.out(manualOf(program));
    });
}

async function unknownCommand(name: string, program: Command): Promise<string> {
  const { nearest } = await import('../kernel/config/index.js');
  const names = program.commands.map((command) => command.name());
  const suggestion = nearest(name, names);
  return `error: unknown command '${name}'${suggestion === undefined ? '' : `\n(Did you mean ${suggestion}?)`}`;
}
