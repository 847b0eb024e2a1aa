import type { Command } from 'commander';
import { agentVersion } from '../version.js';
import { allCommands, type CommandModel, modelOf, type OptionModel } from './model.js';

/** The manual page of the program, section 1, for man(1). */
export function manualPage(command: Command): string {
  const program = modelOf(command);
  const { path: name } = program;
  const commands = allCommands(program)
    .slice(1)
    .filter(({ commands, options }) => commands.length === 0 || options.length > 0);
  const variables = program.options.flatMap(variableOf);
  return [
    `.TH ${name.toUpperCase()} 1 "" "${name} ${agentVersion()}" "User Commands"`,
    section('NAME', `${name} \\- a container-monitoring agent`),
    section('SYNOPSIS', `.B ${name}\n[\\fIoptions\\fR] [\\fIcommand\\fR]`),
    section(
      'DESCRIPTION',
      paragraphs(
        `${program.description} It serves cAdvisor's REST API and Prometheus metrics.`,
        'Without a command it runs until SIGTERM or SIGINT, as a service of systemd or in the foreground. As root it refuses a configuration or plugin that other users could change.',
      ),
    ),
    section('OPTIONS', program.options.map(optionEntry).join('\n')),
    section('COMMANDS', commands.map(commandEntry).join('\n')),
    section('ENVIRONMENT', entries([...variables, ...VARIABLES])),
    section('FILES', entries(FILES)),
    section('SIGNALS', entries(SIGNALS)),
    section('EXIT STATUS', entries(STATUSES)),
    section('SEE ALSO', '.BR systemctl (1),\n.BR journalctl (1),\n.BR cgroups (7)'),
    '',
  ].join('\n');
}

type Entry = readonly [string, string];

const VARIABLES: readonly Entry[] = [
  ['NO_COLOR', 'Disables colours.'],
  [
    'NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS, JOURNAL_STREAM',
    'Set by systemd: readiness and watchdog, passed sockets, priorities of log lines.',
  ],
];

const FILES: readonly Entry[] = [
  ['/etc/tallyman/tallyman.yaml', 'The configuration, unless an option names one or the working directory has one.'],
  [
    '/etc/systemd/system/tallyman.service.d/',
    'Drop-ins of the unit: privileges of the enabled plugins, and local changes.',
  ],
  ['/var/lib/tallyman', 'State of the service.'],
];

const SIGNALS: readonly Entry[] = [
  ['SIGTERM, SIGINT', 'Finish open requests and stop; a second signal stops at once.'],
  ['SIGHUP', 'Reload the configuration and apply its changes; an invalid configuration changes nothing.'],
];

const STATUSES: readonly Entry[] = [
  ['0', 'Success, or the agent was stopped.'],
  ['1', 'An error, described on standard error.'],
  ['70', 'The agent stopped after an internal error.'],
  ['75', 'The agent stopped before its memory was used up, and wrote a report to its state directory.'],
  ['78', 'The command line or the configuration is invalid.'],
];

function section(title: string, body: string): string {
  return `.SH ${title}\n${body}`.trimEnd();
}

function paragraphs(...texts: string[]): string {
  return texts.map(escaped).join('\n.PP\n');
}

function optionEntry({ name, value = '', choices, description }: OptionModel): string {
  const text = choices.length === 0 ? description : `${description}: ${choices.join(', ')}`;
  return `.TP\n\\fB${dashed(name)}\\fR${value === '' ? '' : ` \\fI${dashed(value)}\\fR`}\n${escaped(sentence(text))}`;
}

function commandEntry({ path, usage, options, choices, description }: CommandModel): string {
  const term = optionEntry({ name: path.slice(path.indexOf(' ') + 1), value: usage, choices, description });
  return options.length === 0 ? term : `${term}\n.RS\n${options.map(optionEntry).join('\n')}\n.RE`;
}

function entries(all: readonly Entry[]): string {
  return all.map(([term, text]) => `.TP\n.B ${dashed(term)}\n${escaped(text)}`).join('\n');
}

function variableOf({ name, variable }: OptionModel): Entry[] {
  return variable === undefined ? [] : [[variable, `Value of ${name}; the option takes precedence.`]];
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/** Escapes dashes, so that roff prints ASCII dashes. */
function dashed(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-');
}

/** Escapes text for roff; code between grave accents is set bold. */
function escaped(text: string): string {
  return dashed(text)
    .replaceAll(/`([^`]+)`/g, '\\fB$1\\fR')
    .replaceAll(/^([.'])/gm, '\\&$1');
}
