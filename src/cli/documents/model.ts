import type { Command, Option } from 'commander';

export interface OptionModel {
  /** With its dashes: `--log-level`. */
  readonly name: string;
  /** Name of its value; undefined for a switch. */
  readonly value?: string;
  /** All possible values, if they can be listed. */
  readonly choices: readonly string[];
  readonly description: string;
  /** The environment variable with the same effect. */
  readonly variable?: string;
}

/** A command with its subcommands, options and arguments. */
export interface CommandModel {
  /** Starts with the program's name: `tallyman service install`. */
  readonly path: string;
  readonly description: string;
  /** Its own options, without those of the commands above it. */
  readonly options: readonly OptionModel[];
  readonly commands: readonly CommandModel[];
  /** All possible values of its first argument, if they can be listed. */
  readonly choices: readonly string[];
  /** Whether an argument is the name of a file or folder. */
  readonly namesFile: boolean;
  /** Its arguments as help shows them: `<shell>`. */
  readonly usage: string;
}

/** Describes a commander program for completion scripts and the manual page. */
export function modelOf(command: Command, above = ''): CommandModel {
  const help = command.createHelp();
  const path = `${above}${command.name()}`;
  const below = help.visibleCommands(command).filter((child) => child.name() !== 'help');
  return {
    path,
    description: command.description(),
    options: help.visibleOptions(command).filter(isOwn(command)).map(optionModel),
    commands: below.map((child) => modelOf(child, `${path} `)),
    choices: command.registeredArguments[0]?.argChoices ?? [],
    namesFile: command.registeredArguments.some((argument) => argument.name() === 'path'),
    usage: command.registeredArguments
      .map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`))
      .join(' '),
  };
}

/** Every command has `--help`; only the program lists it. */
function isOwn(command: Command): (option: Option) => boolean {
  return ({ long }) => command.parent === null || long !== '--help';
}

function optionModel({ long, short, flags, description, argChoices }: Option): OptionModel {
  const value = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1];
  const [, text = '', variable] = /^(.*?)(?: \[([A-Z_]+)\])?$/s.exec(description)!;
  return {
    name: long ?? short!,
    description: text,
    choices: argChoices ?? [],
    ...(value === undefined ? {} : { value }),
    ...(variable === undefined ? {} : { variable }),
  };
}

/** A command and all its subcommands, at any depth. */
export function allCommands(model: CommandModel): CommandModel[] {
  return [model, ...model.commands.flatMap(allCommands)];
}

/** Whether an option's value is the name of a file. */
export function takesFile({ value }: OptionModel): boolean {
  return value === 'file' || value === 'path' || value === 'folder';
}
