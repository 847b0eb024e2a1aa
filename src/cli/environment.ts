import { isatty } from 'node:tty';
import { printable } from '../kernel/contracts/index.js';
import { isJournal, journalLines } from '../kernel/log/journal.js';
import { LineOutput } from '../kernel/log/output.js';
import { OpenHandles } from '../kernel/supervision/open-handles.js';

const ERROR_PRIORITY = 3;
const STDOUT = 1;
const STDERR = 2;

/** What a command gets from its process; tests replace it. Output passes through `printable`. */
export interface CliEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory?: string;
  readonly systemDirectory?: string;
  out(text: string): void;
  error(text: string): void;
  /** Prints a notice on standard output. @returns false when it cannot be written */
  notice(text: string): boolean;
  /** Tracks handles that plugins leave open. */
  readonly handles?: OpenHandles;
}

export function processEnvironment(): CliEnvironment {
  const { NO_COLOR } = process.env;
  const writesToJournal = isJournal(STDERR, process.env);
  const isColoured = isatty(STDERR) && (NO_COLOR === undefined || NO_COLOR === '');
  const formatError = (text: string): string => {
    if (writesToJournal) return journalLines(text, ERROR_PRIORITY);
    return isColoured ? text.replace(/^tallyman:/, '\x1b[31mtallyman:\x1b[39m') : text;
  };
  return {
    env: process.env,
    out: (text) => process.stdout.write(printable(text)),
    error: (text) => process.stderr.write(formatError(printable(text))),
    notice: (text) => new LineOutput(STDOUT).write(printable(text)),
    handles: new OpenHandles(),
  };
}
