import { type DestinationStream, destination, type Logger as PinoLogger, pino } from 'pino';
import type { Logger } from '../contracts/index.js';
import { journalLines, leadsToJournal } from './journal.js';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly format: 'auto' | 'json' | 'pretty' | 'journal';
}

/** Makes loggers whose lines name the part of the agent that speaks. */
export interface LoggerSource {
  logger(part: string): Logger;
  /** Loggers made so far and later ones write what is at least this important. */
  setLevel(level: LogOptions['level']): void;
  /** Writes out what is buffered; call before the process ends. */
  flush(): void;
}

/** Members that pino writes and the pretty form shows in its own way. */
const OWN = new Set(['level', 'time', 'msg', 'part', 'hint', 'stack']);
const COLOURS: Record<string, number> = { warn: 33, error: 31, debug: 90 };

function extras(entry: Record<string, unknown>): string {
  const details = Object.entries(entry).filter(([key]) => !OWN.has(key));
  return details.map(([key, value]) => ` ${key}=${JSON.stringify(value)}`).join('');
}

function pretty(line: string, coloured: boolean): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const paint = (colour: number, text: string) => (coloured ? `\u001b[${colour}m${text}\u001b[0m` : text);
  const level = String(entry.level);
  const head = `${String(entry.time).slice(11, 19)} ${paint(COLOURS[level] ?? 32, level.padEnd(5))}`;
  const hint = entry.hint === undefined ? '' : `\n      → ${String(entry.hint)}`;
  return `${head} ${String(entry.part)}: ${String(entry.msg)}${paint(90, extras(entry))}${hint}\n`;
}

/** Priorities of syslog(3), by which journald files a line. */
const PRIORITIES: Record<string, number> = { error: 3, warn: 4, info: 6, debug: 7 };

/** journald takes the priority off the front of a line, and adds the time itself. */
function journal(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const hint = entry.hint === undefined ? '' : ` → ${String(entry.hint)}`;
  const text = `${String(entry.part)}: ${String(entry.msg)}${extras(entry)}${hint}`;
  return journalLines(text, PRIORITIES[String(entry.level)] ?? 6);
}

function automatic(): 'json' | 'pretty' | 'journal' {
  if (process.stderr.isTTY === true) return 'pretty';
  return leadsToJournal(2, process.env) ? 'journal' : 'json';
}

function stream(options: LogOptions): DestinationStream {
  const format = options.format === 'auto' ? automatic() : options.format;
  if (format === 'json') return destination({ fd: 2, sync: true });
  const coloured = process.stderr.isTTY === true && !process.env.NO_COLOR;
  const print = format === 'journal' ? journal : (line: string) => pretty(line, coloured);
  return { write: (line: string) => void process.stderr.write(print(line)) };
}

/** Writes to standard error: one JSON object a line, or for people on a terminal. */
export function createLoggerSource(options: LogOptions, to: DestinationStream = stream(options)): LoggerSource {
  const root = pino(
    {
      base: null,
      level: options.level,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    to,
  );
  // A child has a level of its own, which is set once; plugins that come and go reuse theirs.
  const children = new Map<string, PinoLogger>();
  return {
    logger(part) {
      const child = children.get(part) ?? root.child({ part });
      children.set(part, child);
      return wrap(child);
    },
    setLevel(level) {
      for (const logger of [root, ...children.values()]) logger.level = level;
    },
    flush: () => root.flush(),
  };
}

function wrap(log: PinoLogger): Logger {
  return {
    debug: (message, details) => log.debug(details ?? {}, message),
    info: (message, details) => log.info(details ?? {}, message),
    warn: (message, details) => log.warn(details ?? {}, message),
    error: (message, details) => log.error(details ?? {}, message),
  };
}
