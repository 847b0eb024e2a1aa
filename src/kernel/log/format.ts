import { isatty } from 'node:tty';
import { printable } from '../contracts/index.js';
import { isJournal, journalLines } from './journal.js';

export type LogFormat = 'auto' | 'json' | 'pretty' | 'journal';

const STDERR = 2;
/** Members that the text formats show in their own way. */
const STANDARD_MEMBERS = new Set(['level', 'time', 'msg', 'part', 'hint', 'stack']);
const COLOURS: Record<string, number> = { warn: 33, error: 31, debug: 90 };
/** Priorities of syslog(3), which journald uses. */
const PRIORITIES: Record<string, number> = { error: 3, warn: 4, info: 6, debug: 7 };

/** A log line as an object, with its members in output order. */
export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** RFC 3339, UTC */
  readonly time: string;
  readonly part: string;
  readonly msg: string;
  readonly [detail: string]: unknown;
}

/** Formats an entry for standard error, for code that writes without a logger. */
export function entryFormatter(format: LogFormat): (entry: LogEntry) => string {
  const formatLine = lineFormatter(format);
  return (entry) => formatLine(`${JSON.stringify(entry)}\n`);
}

/** Formats a JSON line for standard error. */
export function lineFormatter(format: LogFormat): (line: string) => string {
  const chosen = format === 'auto' ? automatic() : format;
  if (chosen === 'json') return (line) => line;
  if (chosen === 'journal') return journal;
  const coloured = isatty(STDERR) && !process.env.NO_COLOR;
  return (line) => pretty(line, coloured);
}

function automatic(): Exclude<LogFormat, 'auto'> {
  if (isatty(STDERR)) return 'pretty';
  return isJournal(STDERR, process.env) ? 'journal' : 'json';
}

function extras(entry: Record<string, unknown>): string {
  const details = Object.entries(entry).filter(([key]) => !STANDARD_MEMBERS.has(key));
  return details.map(([key, value]) => ` ${key}=${JSON.stringify(value)}`).join('');
}

function pretty(line: string, coloured: boolean): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const paint = (colour: number, text: string) => (coloured ? `\u001b[${colour}m${text}\u001b[0m` : text);
  const level = String(entry.level);
  const head = `${String(entry.time).slice(11, 19)} ${paint(COLOURS[level] ?? 32, level.padEnd(5))}`;
  const hint = entry.hint === undefined ? '' : `\n      → ${printable(String(entry.hint))}`;
  // A newline in a logged name must not begin something that looks like a log line.
  const message = printable(`${String(entry.part)}: ${String(entry.msg)}`).replaceAll('\n', '\n      ');
  return `${head} ${message}${paint(90, printable(extras(entry)))}${hint}\n`;
}

/** journald parses the priority prefix of a line and adds the time itself. */
function journal(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const hint = entry.hint === undefined ? '' : ` → ${String(entry.hint)}`;
  const text = `${String(entry.part)}: ${String(entry.msg)}${extras(entry)}${hint}`;
  return journalLines(printable(text), PRIORITIES[String(entry.level)] ?? 6);
}
