import type { Logger } from '../contracts/index.js';

/** Reads the facts about the machine again at an interval: memory, disks and interfaces come and go. */
export class MachineRefresh {
  private timer: NodeJS.Timeout | undefined;

  /** @param read renews the facts; what it throws is logged, and the facts stay as they are */
  constructor(
    private readonly read: () => Promise<void>,
    private readonly logger: Logger,
  ) {}

  /** @param interval ms; takes the place of the one before */
  every(interval: number): void {
    this.stop();
    this.timer = setInterval(() => void this.now(), interval);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async now(): Promise<void> {
    try {
      await this.read();
    } catch (error) {
      this.logger.error('the facts about the machine could not be read again', { error: String(error) });
    }
  }
}
