import { journalLines, leadsToJournal } from '../kernel/log/journal.js';

const ERROR_PRIORITY = 3;

/** What a command gets from outside, so that tests can give it something else. */
export interface CliEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory?: string;
  readonly systemDirectory?: string;
  out(text: string): void;
  error(text: string): void;
  /** Whether errors may be coloured. */
  readonly colors: boolean;
}

/** The process itself. */
export function processEnvironment(): CliEnvironment {
  const { NO_COLOR } = process.env;
  const isJournal = leadsToJournal(2, process.env);
  return {
    env: process.env,
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(isJournal ? journalLines(text, ERROR_PRIORITY) : text),
    colors: process.stderr.isTTY === true && (NO_COLOR === undefined || NO_COLOR === ''),
  };
}
