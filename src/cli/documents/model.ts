import type { Command, Option } from 'commander';

/** An option as the command line knows it. */
export interface OptionModel {
  /** With its dashes: `--log-level`. */
  readonly name: string;
  /** What its value is called, undefined for a switch. */
  readonly value?: string;
  /** The values there are, when they can be listed. */
  readonly choices: readonly string[];
  readonly description: string;
  /** The environment variable that says the same. */
  readonly variable?: string;
}

/** A command with what can follow it. */
export interface CommandModel {
  /** Words from the program's name on: `tallyman service install`. */
  readonly path: string;
  readonly description: string;
  /** Its own options, without those of the commands above it. */
  readonly options: readonly OptionModel[];
  readonly commands: readonly CommandModel[];
  /** Values of its first argument, when they can be listed. */
  readonly choices: readonly string[];
  /** Whether an argument is the name of a file or folder. */
  readonly namesFile: boolean;
  /** Its arguments as help shows them: `<shell>`. */
  readonly usage: string;
}

/** What shells and the manual have to know of a commander program. */
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

/** Every command has `--help`; it is told once, with the program. */
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

/** A command and all below it, from the top. */
export function allCommands(model: CommandModel): CommandModel[] {
  return [model, ...model.commands.flatMap(allCommands)];
}

/** Whether an option's value is the name of a file. */
export function takesFile({ value }: OptionModel): boolean {
  return value === 'file' || value === 'path' || value === 'folder';
}

/** Options of a command together with those of the program, which are taken everywhere. */
export function optionsAt(program: CommandModel, command: CommandModel): readonly OptionModel[] {
  return command === program ? program.options : [...command.options, ...program.options];
}

/** Names of all options whose value is the next word. */
export function valuedOptions(program: CommandModel): string[] {
  const options = allCommands(program).flatMap((command) => command.options.filter(({ value }) => value !== undefined));
  return [...new Set(options.map(({ name }) => name))];
}

/** Branches of a shell's `case` on place and option, for values: those of the program's own options count everywhere. */
export function valueCases(program: CommandModel, valuesOf: (option: OptionModel) => string): string[] {
  return allCommands(program).flatMap((command) =>
    command.options
      .filter(({ value }) => value !== undefined)
      .map((option) => `    ${command === program ? '*' : `'${command.path}'`}:${option.name}) ${valuesOf(option)} ;;`),
  );
}

/** Words that can follow a command: commands below it, or values of its argument. */
export function wordsAfter(command: CommandModel): string[] {
  return [...command.commands.map(({ path }) => path.slice(command.path.length + 1)), ...command.choices];
}
