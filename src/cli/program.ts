import { Argument, Command, CommanderError, Option } from 'commander';
import { COMMANDS, type CommandSpec, CREDENTIAL_OPTIONS, type OptionSpec } from './command-table.js';
import { type CliEnvironment, processEnvironment } from './environment.js';
import { EXIT } from './exit.js';
import { splitAddresses } from './flags.js';
import { agentVersion } from './version.js';

export { processEnvironment };

/**
 * Runs one command line. Commands are imported when they are called, so that `--version` and `--help` load none of them.
 * @returns the exit status
 */
export async function runCli(args: readonly string[], cli: CliEnvironment = processEnvironment()): Promise<number> {
  let status: number = EXIT.ok;
  const program = createProgram(cli, async (running) => {
    status = (await running) ?? EXIT.ok;
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

/** Waits for a command and keeps its exit status. */
type Keep = (running: Promise<number> | Promise<void>) => Promise<void>;

function createProgram(cli: CliEnvironment, keep: Keep): Command {
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
    .addOption(
      optionOf([
        '--log-level <level>',
        'minimum level of log lines [TALLYMAN_LOG_LEVEL]',
        ['debug', 'info', 'warn', 'error', 'silent'],
      ]),
    )
    .addHelpText(
      'after',
      '\nThe variable in brackets has the same effect as the option. Options override variables, which override the file.',
    );
  for (const spec of COMMANDS) addCommand(program, spec, cli, keep);
  // Set after the commands are added, because they would inherit it.
  program.allowExcessArguments().action(async () => {
    const [unknown] = program.args;
    if (unknown !== undefined) program.error(await unknownCommand(unknown, program));
    const { run } = await import('./commands/run.js');
    return keep(run(cli, program.opts()));
  });
  return program;
}

function addCommand(parent: Command, spec: CommandSpec, cli: CliEnvironment, keep: Keep): void {
  const { name, description, arguments: args = [], options = [], url, commands = [] } = spec;
  const command = parent.command(name).description(description);
  for (const [syntax, text, choices] of args) {
    const argument = new Argument(syntax, text);
    command.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  const toAsk: readonly OptionSpec[] = url === undefined ? [] : [['--url <url>', url], ...CREDENTIAL_OPTIONS];
  for (const option of [...options, ...toAsk]) command.addOption(optionOf(option));
  for (const inner of commands) addCommand(command, inner, cli, keep);
  if (spec.run !== undefined) command.action(() => keep(spec.run!(command, cli)));
}

function optionOf([syntax, description, values]: OptionSpec): Option {
  const option = new Option(syntax, description);
  if (typeof values === 'string') option.default(values);
  // Not `choices`, which would reject other values with a message of its own.
  else if (values !== undefined) option.argChoices = [...values];
  return option;
}

async function unknownCommand(name: string, program: Command): Promise<string> {
  const { nearest } = await import('../kernel/config/index.js');
  const names = program.commands.map((command) => command.name());
  const suggestion = nearest(name, names);
  return `error: unknown command '${name}'${suggestion === undefined ? '' : `\n(Did you mean ${suggestion}?)`}`;
}
