import {
  allCommands,
  type CommandModel,
  type OptionModel,
  optionsAt,
  takesFile,
  valueCases,
  valuedOptions,
} from './model.js';

/** A completion script for zsh, with descriptions: a file of \`fpath\`, or sourced. */
export function zshCompletion(program: CommandModel): string {
  const { path: name } = program;
  const commands = allCommands(program);
  const deeper = commands.slice(1).map(({ path }) => `'${path}'`);
  return `#compdef ${name}
# Completion of ${name} for zsh, made by \`${name} completion zsh\`.
_${name}() {
  local at=${name} files i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    case "\${words[i]}" in
      ${valuedOptions(program).join('|')}) ((i++)); continue ;;
    esac
    case "$at \${words[i]}" in
      ${deeper.join('|')}) at+=" \${words[i]}" ;;
    esac
  done
  case "$at:\${words[CURRENT-1]}" in
${valueCases(program, valuesOf).join('\n')}
  esac
  case "$at" in
${commands.map((command) => place(program, command)).join('\n')}
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

function valuesOf(option: OptionModel): string {
  if (takesFile(option)) return '_files; return';
  return option.choices.length === 0 ? 'return' : `compadd -- ${option.choices.join(' ')}; return`;
}

function place(program: CommandModel, command: CommandModel): string {
  const below = command.commands.map(({ path, description }) =>
    entry(path.slice(command.path.length + 1), description),
  );
  const options = optionsAt(program, command).map(({ name, description }) => entry(name, description));
  return `    '${command.path}')
      commands=(${[...below, ...command.choices].join(' ')})
      options=(${options.join(' ')})${command.namesFile ? ' files=1' : ''} ;;`;
}

/** A word and its description for \`_describe\`. */
function entry(word: string, description: string): string {
  return `'${`${word}:${description.replaceAll(':', '\\:')}`.replaceAll("'", "'\\''")}'`;
}
