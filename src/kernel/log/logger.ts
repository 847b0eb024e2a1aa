import { type Logger as PinoLogger, pino } from 'pino';
import type { Logger } from '../contracts/index.js';
import { LogDestination, type LogOutput } from './destination.js';
import { type LogFormat, lineFormatter } from './format.js';
import { LineLimiter, type LogLimits } from './limiter.js';
import { standardError } from './output.js';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly format: LogFormat;
  /** Default: no limits. */
  readonly limit?: LogLimits;
}

/** Missing log lines since the start. */
export interface LogState {
  /** Lines that could not be written. */
  readonly lost: number;
  /** Lines suppressed by the limits. */
  readonly leftOut: number;
  /** Why writing fails; absent while it works. */
  readonly failure?: string;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

const NO_LIMITS: LogLimits = { alike: 0, perPart: 0 };

/**
 * Creates loggers for the components of the agent, which write to standard error in the configured format. Never throws:
 * lines that cannot be written are counted, and the count is logged when writing works again.
 */
export class LoggerSource {
  private readonly destination: LogDestination;
  private readonly root: PinoLogger;
  // A child keeps the level it was created with, so `change` sets it; restarted plugins reuse their child.
  private readonly children = new Map<string, PinoLogger>();
  private readonly limiter: LineLimiter;
  private minute: NodeJS.Timeout | undefined;

  constructor({ level, format, limit }: LogOptions, output: LogOutput = standardError()) {
    this.destination = new LogDestination(output, lineFormatter(format));
    this.limiter = new LineLimiter(limit ?? NO_LIMITS);
    this.root = pino(
      {
        base: null,
        level,
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      this.destination,
    );
  }

  /** @param unlimited exempts the logger from the limits (access log) */
  logger(part: string, unlimited = false): Logger {
    const child = this.child(part);
    const at =
      (level: Level) =>
      (message: string, details: Record<string, unknown> = {}) => {
        if (!child.isLevelEnabled(level)) return;
        // Debug lines are not limited: whoever enables them wants all of them.
        if (unlimited || level === 'debug' || this.admits(part, message)) child[level](details, message);
      };
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  /** Changes level and limits of all loggers. */
  change({ level, limit }: Pick<LogOptions, 'level' | 'limit'>): void {
    for (const logger of [this.root, ...this.children.values()]) logger.level = level;
    this.limiter.change(limit ?? NO_LIMITS);
  }

  state(): LogState {
    const { lost, failure } = this.destination;
    return { lost, leftOut: this.limiter.leftOut, ...(failure !== undefined && { failure }) };
  }

  /** Logs the number of suppressed lines: each minute, and before the process ends. */
  flush(): void {
    clearTimeout(this.minute);
    this.minute = undefined;
    for (const { part, leftOut, alike } of this.limiter.nextMinute()) {
      const like = alike === undefined ? 'more lines' : 'more lines like this one';
      const example = alike === undefined ? '' : `: ${alike}`;
      this.child(part).warn({ leftOut }, `${leftOut} ${like} were suppressed within a minute${example}`);
    }
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
    if (this.limiter.remainingMs <= 0) this.flush();
    if (this.limiter.admits(part, message)) return true;
    // Reported at the end of the minute even if nothing else is logged.
    this.minute ??= setTimeout(() => this.flush(), this.limiter.remainingMs).unref();
    return false;
  }
}
