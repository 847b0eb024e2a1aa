import { allCommands, type CommandModel, type OptionModel, takesFile, valuedOptions } from './model.js';

/** A completion script for fish, with descriptions. */
export function fishCompletion(program: CommandModel): string {
  const { path: name } = program;
  const commands = allCommands(program);
  const deeper = commands.slice(1).map(({ path }) => `'${path}'`);
  return `# Completion of ${name} for fish, made by \`${name} completion fish\`.
function __${name}_at
    set -l at ${name}
    set -l previous
    for word in (commandline -opc)[2..]
        switch "$previous"
            case ${valuedOptions(program).join(' ')}
                set previous
                continue
        end
        set previous $word
        switch "$at $word"
            case ${deeper.join(' ')}
                set at "$at $word"
        end
    end
    test "$at" = "$argv"
end
complete -c ${name} -f
${commands.flatMap((command) => lines(program, command)).join('\n')}
`;
}

function lines(program: CommandModel, command: CommandModel): string[] {
  const { path: name } = program;
  const here = `complete -c ${name} -n ${quoted(`__${name}_at ${command.path}`)}`;
  const below = command.commands.map(
    ({ path, description }) => `${here} -a ${path.slice(command.path.length + 1)} -d ${quoted(description)}`,
  );
  const choices = command.choices.map((choice) => `${here} -a ${choice}`);
  const options = command.options.map(
    (option) =>
      `${command === program ? `complete -c ${name}` : here} ${optionOf(option)} -d ${quoted(option.description)}`,
  );
  const files = command.namesFile ? [`${here} -F`] : [];
  return [...below, ...choices, ...files, ...options];
}

function optionOf(option: OptionModel): string {
  const long = `-l ${option.name.replace(/^-+/, '')}`;
  if (option.value === undefined) return long;
  if (takesFile(option)) return `${long} -r -F`;
  return option.choices.length === 0 ? `${long} -x` : `${long} -x -a ${quoted(option.choices.join(' '))}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
