/** Splits a command line like a shell: quotes, escapes, comments and continued lines. Never throws. */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    if (quote === "'" && char !== "'") word += char;
    else if (char === '\\' && quote !== "'") {
      const next = line[++i];
      if (next !== '\n' && next !== undefined) word = (word ?? '') + next;
    } else if (quote !== '' && char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) {
      quote = char;
      word ??= '';
    } else if (quote === '' && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** The flags of a Go program: `-name`, `--name`, `-name=value`, `--name value`. */
export interface GoFlag {
  readonly name: string;
  readonly value: string;
}

const SWITCH = /^(true|false|t|f|0|1)$/i;

/**
 * @param isSwitch whether a flag is boolean
 * @returns the flags, the last of a name counting, and the words that belong to none
 */
export function flagsOf(
  words: readonly string[],
  isSwitch: (name: string) => boolean,
): { flags: GoFlag[]; rest: string[] } {
  const flags = new Map<string, GoFlag>();
  const rest: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const match = /^--?([A-Za-z][\w.-]*)(?:=(.*))?$/s.exec(words[i]!);
    if (match === null) {
      rest.push(words[i]!);
      continue;
    }
    const [, name = '', given] = match;
    const takesWord = given === undefined && !isSwitch(name) && words[i + 1]?.startsWith('-') === false;
    flags.set(name, { name, value: given ?? (takesWord ? words[++i]! : 'true') });
  }
  return { flags: [...flags.values()], rest };
}

/** The value of a flag, `undefined` when it is not given. */
export type Given = (name: string) => string | undefined;

/** The words of a list with commas. */
export function listOf(value = ''): string[] {
  const parts = value.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '');
}

/** Parses a boolean like Go; `undefined` when invalid. */
export function truth(value = ''): boolean | undefined {
  return SWITCH.test(value) ? /^(true|t|1)$/i.test(value) : undefined;
}
