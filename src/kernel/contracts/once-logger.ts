import type { Logger } from './plugin.js';

const MAX_KEYS = 1024;

/** Logs each warning once. What may recur later is for the agent's log, which limits repeated lines. */
export class OnceLogger {
  private readonly warned = new Set<string>();

  constructor(private readonly logger: Pick<Logger, 'warn'>) {}

  /**
   * @param key what makes two warnings the same
   * @param about the case at hand
   */
  warn(key: string, message: string, about?: string): void {
    if (this.warned.has(key)) return;
    if (this.warned.size >= MAX_KEYS) this.warned.clear();
    this.warned.add(key);
    this.logger.warn(message, about === undefined ? {} : { about });
  }
}
