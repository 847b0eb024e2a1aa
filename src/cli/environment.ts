import { isatty } from 'node:tty';
import { journalLines, leadsToJournal } from '../kernel/log/journal.js';
import { LineOutput } from '../kernel/log/output.js';

const ERROR_PRIORITY = 3;
const STDOUT = 1;
const STDERR = 2;

/** What a command gets from outside, so that tests can give it something else. */
export interface CliEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory?: string;
  readonly systemDirectory?: string;
  out(text: string): void;
  error(text: string): void;
  /** Says something in passing on standard output. @returns whether it could be said */
  say(text: string): boolean;
  /** Whether errors may be coloured. */
  readonly colors: boolean;
}

/** The process itself. */
export function processEnvironment(): CliEnvironment {
  const { NO_COLOR } = process.env;
  const isJournal = leadsToJournal(STDERR, process.env);
  return {
    env: process.env,
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(isJournal ? journalLines(text, ERROR_PRIORITY) : text),
    say: (text) => new LineOutput(STDOUT).write(text),
    colors: isatty(STDERR) && (NO_COLOR === undefined || NO_COLOR === ''),
  };
}
