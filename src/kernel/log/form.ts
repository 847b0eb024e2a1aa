import { isatty } from 'node:tty';
import { printable } from '../contracts/index.js';
import { journalLines, leadsToJournal } from './journal.js';

export type LogFormat = 'auto' | 'json' | 'pretty' | 'journal';

const STDERR = 2;
/** Members that pino writes and the other forms show in their own way. */
const OWN = new Set(['level', 'time', 'msg', 'part', 'hint', 'stack']);
const COLOURS: Record<string, number> = { warn: 33, error: 31, debug: 90 };
/** Priorities of syslog(3), by which journald files a line. */
const PRIORITIES: Record<string, number> = { error: 3, warn: 4, info: 6, debug: 7 };

/** A line of the log as its members, in the order in which they are written. */
export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** RFC 3339, UTC */
  readonly time: string;
  readonly part: string;
  readonly msg: string;
  readonly [detail: string]: unknown;
}

/** Makes of an entry what is written to standard error, where it is not for a logger to write. */
export function lineForm(format: LogFormat): (entry: LogEntry) => string {
  const print = formOf(format);
  return (entry) => print(`${JSON.stringify(entry)}\n`);
}

/** Makes of a JSON line what is written to standard error. */
export function formOf(format: LogFormat): (line: string) => string {
  const chosen = format === 'auto' ? automatic() : format;
  if (chosen === 'json') return (line) => line;
  if (chosen === 'journal') return journal;
  const coloured = isatty(STDERR) && !process.env.NO_COLOR;
  return (line) => pretty(line, coloured);
}

function automatic(): Exclude<LogFormat, 'auto'> {
  if (isatty(STDERR)) return 'pretty';
  return leadsToJournal(STDERR, process.env) ? 'journal' : 'json';
}

function extras(entry: Record<string, unknown>): string {
  const details = Object.entries(entry).filter(([key]) => !OWN.has(key));
  return details.map(([key, value]) => ` ${key}=${JSON.stringify(value)}`).join('');
}

function pretty(line: string, coloured: boolean): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const paint = (colour: number, text: string) => (coloured ? `\u001b[${colour}m${text}\u001b[0m` : text);
  const level = String(entry.level);
  const head = `${String(entry.time).slice(11, 19)} ${paint(COLOURS[level] ?? 32, level.padEnd(5))}`;
  const hint = entry.hint === undefined ? '' : `\n      → ${printable(String(entry.hint))}`;
  // A line that a name brought with it must not look like one of the log's own.
  const message = printable(`${String(entry.part)}: ${String(entry.msg)}`).replaceAll('\n', '\n      ');
  return `${head} ${message}${paint(90, printable(extras(entry)))}${hint}\n`;
}

/** journald takes the priority off the front of a line, and adds the time itself. */
function journal(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const hint = entry.hint === undefined ? '' : ` → ${String(entry.hint)}`;
  const text = `${String(entry.part)}: ${String(entry.msg)}${extras(entry)}${hint}`;
  return journalLines(printable(text), PRIORITIES[String(entry.level)] ?? 6);
}
