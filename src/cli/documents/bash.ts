import {
  allCommands,
  type CommandModel,
  type OptionModel,
  optionsAt,
  takesFile,
  valueCases,
  valuedOptions,
  wordsAfter,
} from './model.js';

/** A completion script for bash; it needs nothing but bash. */
export function bashCompletion(program: CommandModel): string {
  const { path: name } = program;
  const commands = allCommands(program);
  const deeper = commands.slice(1).map(({ path }) => `'${path}'`);
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
      ${valuedOptions(program).join(' | ')}) ((i++)); continue ;;
    esac
    case "$at \${COMP_WORDS[i]}" in
      ${deeper.join(' | ')}) at+=" \${COMP_WORDS[i]}" ;;
    esac
  done
  local IFS=$'\\n'
  case "$at:$previous" in
${valueCases(program, valuesOf).join('\n')}
  esac
  case "$at" in
${commands.map((command) => place(program, command)).join('\n')}
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

function valuesOf(option: OptionModel): string {
  if (takesFile(option)) return 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")); return';
  if (option.choices.length === 0) return 'return';
  return `COMPREPLY=($(compgen -W ${quote(option.choices)} -- "$word")); return`;
}

function place(program: CommandModel, command: CommandModel): string {
  const options = optionsAt(program, command).map(({ name }) => name);
  const files = command.namesFile ? ' files=1' : '';
  return `    '${command.path}') words=${quote(wordsAfter(command))} options=${quote(options)}${files} ;;`;
}

/** A list for \`compgen -W\`, which splits it at IFS: line ends. */
function quote(words: readonly string[]): string {
  return `$'${words.join('\\n')}'`;
}
