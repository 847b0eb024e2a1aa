import { isatty } from 'node:tty';
import { printable } from '../kernel/contracts/index.js';
import { isJournal, journalLines } from '../kernel/log/journal.js';
import { LineOutput } from '../kernel/log/output.js';
import { OpenHandles } from '../kernel/supervision/open-handles.js';

const ERROR_PRIORITY = 3;
const STDOUT = 1;
const STDERR = 2;

/** What a command gets from outside, so that tests can give it something else. What it prints is made `printable`. */
export interface CliEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory?: string;
  readonly systemDirectory?: string;
  out(text: string): void;
  error(text: string): void;
  /** Says something in passing on standard output. @returns whether it could be said */
  say(text: string): boolean;
  /** Knows what plugins leave open. */
  readonly handles?: OpenHandles;
}

/** The process itself. */
export function processEnvironment(): CliEnvironment {
  const { NO_COLOR } = process.env;
  const writesToJournal = isJournal(STDERR, process.env);
  const isColoured = isatty(STDERR) && (NO_COLOR === undefined || NO_COLOR === '');
  const errorForm = (text: string): string => {
    if (writesToJournal) return journalLines(text, ERROR_PRIORITY);
    return isColoured ? text.replace(/^tallyman:/, '\x1b[31mtallyman:\x1b[39m') : text;
  };
  return {
    env: process.env,
    out: (text) => process.stdout.write(printable(text)),
    error: (text) => process.stderr.write(errorForm(printable(text))),
    say: (text) => new LineOutput(STDOUT).write(printable(text)),
    handles: new OpenHandles(),
  };
}

/** Runs a command and keeps its exit status. */
export type Perform = (command: () => Promise<number>) => Promise<void>;
