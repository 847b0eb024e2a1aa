import type { Logger } from '../../../kernel/contracts/index.js';

const MAX_KEYS = 1024;

/** Logs each warning once. */
export class OnceLogger {
  private readonly warned = new Set<string>();

  constructor(private readonly logger: Logger) {}

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
