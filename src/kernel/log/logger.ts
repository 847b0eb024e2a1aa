import { type Logger as PinoLogger, pino } from 'pino';
import type { Logger } from '../contracts/index.js';
import { LogDestination, type LogOutput } from './destination.js';
import { formOf, type LogFormat } from './form.js';
import { LineLimiter, type LogLimits } from './limiter.js';
import { standardError } from './output.js';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly format: LogFormat;
  /** Absent: none. */
  readonly limit?: LogLimits;
}

/** How much of the log is missing. Counts are since the start. */
export interface LogState {
  /** Lines that could not be written. */
  readonly lost: number;
  /** Lines that were left out because there were too many. */
  readonly leftOut: number;
  /** Why nothing can be written; absent while it can. */
  readonly failure?: string;
}

/** Makes loggers whose lines name the part of the agent that speaks. */
export interface LoggerSource {
  /** @param unlimited for lines that somebody asked to have all of */
  logger(part: string, unlimited?: boolean): Logger;
  /** From now on lines count that are at least this important, and no more of them than this. */
  change(options: Pick<LogOptions, 'level' | 'limit'>): void;
  state(): LogState;
  /** Writes what there is to say of lines left out; call before the process ends. */
  flush(): void;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

const NO_LIMITS: LogLimits = { alike: 0, perPart: 0 };

/**
 * Writes to standard error: one JSON object a line, or for people on a terminal. Never throws: what cannot be written is
 * counted, and told when it can be again.
 */
export function createLoggerSource(options: LogOptions, output: LogOutput = standardError()): LoggerSource {
  return new LimitedSource(options, new LogDestination(output, formOf(options.format)));
}

class LimitedSource implements LoggerSource {
  private readonly root: PinoLogger;
  // A child has a level of its own, which is set once; plugins that come and go reuse theirs.
  private readonly children = new Map<string, PinoLogger>();
  private readonly limiter: LineLimiter;
  private minute: NodeJS.Timeout | undefined;

  constructor(
    { level, limit }: LogOptions,
    private readonly destination: LogDestination,
  ) {
    this.limiter = new LineLimiter(limit ?? NO_LIMITS);
    this.root = pino(
      {
        base: null,
        level,
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      destination,
    );
  }

  logger(part: string, unlimited = false): Logger {
    const child = this.child(part);
    const at =
      (level: Level) =>
      (message: string, details: Record<string, unknown> = {}) => {
        if (!child.isLevelEnabled(level)) return;
        // Whoever asks for debug lines wants them all.
        if (unlimited || level === 'debug' || this.admits(part, message)) child[level](details, message);
      };
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  change({ level, limit }: Pick<LogOptions, 'level' | 'limit'>): void {
    for (const logger of [this.root, ...this.children.values()]) logger.level = level;
    this.limiter.change(limit ?? NO_LIMITS);
  }

  state(): LogState {
    const { lost, failure } = this.destination;
    return { lost, leftOut: this.limiter.leftOut, ...(failure !== undefined && { failure }) };
  }

  flush(): void {
    this.turnMinute();
  }

  private child(part: string): PinoLogger {
    let child = this.children.get(part);
    if (child === undefined) {
      child = this.root.child({ part });
      this.children.set(part, child);
    }
    return child;
  }

  private admits(part: string, message: string): boolean {
    if (this.limiter.remaining <= 0) this.turnMinute();
    if (this.limiter.admits(part, message)) return true;
    // Told when the minute is over, also if nobody says anything by then.
    this.minute ??= setTimeout(() => this.turnMinute(), this.limiter.remaining).unref();
    return false;
  }

  private turnMinute(): void {
    clearTimeout(this.minute);
    this.minute = undefined;
    for (const { part, count, alike } of this.limiter.turn()) {
      const like = alike === undefined ? 'more lines' : 'more lines like this one';
      const example = alike === undefined ? '' : `: ${alike}`;
      this.child(part).warn({ leftOut: count }, `${count} ${like} were left out within a minute${example}`);
    }
  }
}
