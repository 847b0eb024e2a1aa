import type { Logger } from '../../../kernel/contracts/index.js';

const MOST = 1024;

/** Says each thing once. */
export class OnceLogger {
  private readonly logger: Logger;
  private readonly told = new Set<string>();

  constructor(logger: Logger) {
    this.logger = logger;
  }

  /**
   * @param key what makes two warnings the same
   * @param about the case at hand
   */
  warn(key: string, message: string, about?: string): void {
    if (this.told.has(key)) return;
    if (this.told.size >= MOST) this.told.clear();
    this.told.add(key);
    this.logger.warn(message, about === undefined ? {} : { about });
  }
}
