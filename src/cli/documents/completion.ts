import type { Command } from 'commander';
import { allCommands, type CommandModel, modelOf, type OptionModel, takesFile } from './model.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** The script that completes the program's command line in a shell. */
export function completionScript(shell: keyof typeof SHELLS, program: Command): string {
  return SHELLS[shell](modelOf(program));
}

function wordsOf(program: CommandModel) {
  const commands = allCommands(program);
  const paths = commands.slice(1).map(({ path }) => `'${path}'`);
  return { name: program.path, commands, paths, valued: valuedOptions(program) };
}

/** Options of a command and of the program, which are valid after every command. */
function optionsAt(program: CommandModel, command: CommandModel): readonly OptionModel[] {
  return command === program ? program.options : [...command.options, ...program.options];
}

function valuedOptions(program: CommandModel): string[] {
  const options = allCommands(program).flatMap((command) => command.options.filter(({ value }) => value !== undefined));
  return [...new Set(options.map(({ name }) => name))];
}

/** Branches of a shell's `case` on command and option that complete the option's value. */
function valueCases(program: CommandModel, valuesOf: (option: OptionModel) => string): string[] {
  return allCommands(program).flatMap((command) =>
    command.options
      .filter(({ value }) => value !== undefined)
      .map((option) => `    ${command === program ? '*' : `'${command.path}'`}:${option.name}) ${valuesOf(option)} ;;`),
  );
}

/** Words that can follow a command: its subcommands, or values of its argument. */
function wordsAfter(command: CommandModel): string[] {
  return [...command.commands.map(({ path }) => path.slice(command.path.length + 1)), ...command.choices];
}

/** A completion script for bash; it needs nothing but bash. */
function bashCompletion(program: CommandModel): string {
  const { name, commands, paths, valued } = wordsOf(program);
  return `# Completion of ${name} for bash, made by \`${name} completion bash\`.
_${name}() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} at=${name} words options files i
  # bash takes --option=value apart.
  if [[ $word == = ]]; then
    word=
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      ${valued.join(' | ')}) ((i++)); continue ;;
    esac
    case "$at \${COMP_WORDS[i]}" in
      ${paths.join(' | ')}) at+=" \${COMP_WORDS[i]}" ;;
    esac
  done
  local IFS=$'\\n'
  case "$at:$previous" in
${valueCases(program, bashValues).join('\n')}
  esac
  case "$at" in
${commands.map((command) => bashPlace(program, command)).join('\n')}
  esac
  [[ $word != -* ]] || words=$options
  if [[ -n $files && $word != -* ]]; then
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$word"))
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _${name} ${name}
`;
}

function bashValues(option: OptionModel): string {
  if (takesFile(option)) return 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")); return';
  if (option.choices.length === 0) return 'return';
  return `COMPREPLY=($(compgen -W ${bashList(option.choices)} -- "$word")); return`;
}

function bashPlace(program: CommandModel, command: CommandModel): string {
  const options = optionsAt(program, command).map(({ name }) => name);
  const files = command.namesFile ? ' files=1' : '';
  return `    '${command.path}') words=${bashList(wordsAfter(command))} options=${bashList(options)}${files} ;;`;
}

/** A list for `compgen -W`, which splits it at line ends (IFS). */
function bashList(words: readonly string[]): string {
  return `$'${words.join('\\n')}'`;
}

/** A completion script for fish, with descriptions. */
function fishCompletion(program: CommandModel): string {
  const { name, commands, paths, valued } = wordsOf(program);
  return `# Completion of ${name} for fish, made by \`${name} completion fish\`.
function __${name}_at
    set -l at ${name}
    set -l previous
    for word in (commandline -opc)[2..]
        switch "$previous"
            case ${valued.join(' ')}
                set previous
                continue
        end
        set previous $word
        switch "$at $word"
            case ${paths.join(' ')}
                set at "$at $word"
        end
    end
    test "$at" = "$argv"
end
complete -c ${name} -f
${commands.flatMap((command) => fishLines(program, command)).join('\n')}
`;
}

function fishLines(program: CommandModel, command: CommandModel): string[] {
  const { path: name } = program;
  const here = `complete -c ${name} -n ${fishQuoted(`__${name}_at ${command.path}`)}`;
  const below = command.commands.map(
    ({ path, description }) => `${here} -a ${path.slice(command.path.length + 1)} -d ${fishQuoted(description)}`,
  );
  const choices = command.choices.map((choice) => `${here} -a ${choice}`);
  const options = command.options.map(
    (option) =>
      `${command === program ? `complete -c ${name}` : here} ${fishOption(option)} -d ${fishQuoted(option.description)}`,
  );
  const files = command.namesFile ? [`${here} -F`] : [];
  return [...below, ...choices, ...files, ...options];
}

function fishOption(option: OptionModel): string {
  const long = `-l ${option.name.replace(/^-+/, '')}`;
  if (option.value === undefined) return long;
  if (takesFile(option)) return `${long} -r -F`;
  return option.choices.length === 0 ? `${long} -x` : `${long} -x -a ${fishQuoted(option.choices.join(' '))}`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A completion script for zsh, with descriptions: a file of `fpath`, or sourced. */
function zshCompletion(program: CommandModel): string {
  const { name, commands, paths, valued } = wordsOf(program);
  return `#compdef ${name}
# Completion of ${name} for zsh, made by \`${name} completion zsh\`.
_${name}() {
  local at=${name} files i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    case "\${words[i]}" in
      ${valued.join('|')}) ((i++)); continue ;;
    esac
    case "$at \${words[i]}" in
      ${paths.join('|')}) at+=" \${words[i]}" ;;
    esac
  done
  case "$at:\${words[CURRENT-1]}" in
${valueCases(program, zshValues).join('\n')}
  esac
  case "$at" in
${commands.map((command) => zshPlace(program, command)).join('\n')}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe option options
  elif (( \${#commands} )); then
    _describe command commands
  elif [[ -n $files ]]; then
    _files
  fi
}
if [[ \${funcstack[1]} == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function zshValues(option: OptionModel): string {
  if (takesFile(option)) return '_files; return';
  return option.choices.length === 0 ? 'return' : `compadd -- ${option.choices.join(' ')}; return`;
}

function zshPlace(program: CommandModel, command: CommandModel): string {
  const below = command.commands.map(({ path, description }) =>
    zshEntry(path.slice(command.path.length + 1), description),
  );
  const options = optionsAt(program, command).map(({ name, description }) => zshEntry(name, description));
  return `    '${command.path}')
      commands=(${[...below, ...command.choices].join(' ')})
      options=(${options.join(' ')})${command.namesFile ? ' files=1' : ''} ;;`;
}

/** A word and its description for `_describe`. */
function zshEntry(word: string, description: string): string {
  return `'${`${word}:${description.replaceAll(':', '\\:')}`.replaceAll("'", "'\\''")}'`;
}
