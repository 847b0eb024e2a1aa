import { Token } from '../composition/index.js';
import type { Logger } from '../contracts/index.js';
import type { RefreshableHost } from '../linux/index.js';

export const HOST = new Token<RefreshableHost>('host');

/** Refreshes the machine information at an interval, because memory, disks and interfaces can change. */
export class MachineRefresh {
  private timer: NodeJS.Timeout | undefined;

  /** @param read refreshes the information; its errors are logged, and the previous information stays */
  constructor(
    private readonly read: () => Promise<void>,
    private readonly logger: Logger,
  ) {}

  /** Starts refreshing at an interval, which replaces the previous one. */
  every(intervalMs: number): void {
    this.stop();
    this.timer = setInterval(() => void this.now(), intervalMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async now(): Promise<void> {
    try {
      await this.read();
    } catch (error) {
      this.logger.error('the machine information could not be refreshed', { error: String(error) });
    }
  }
}
