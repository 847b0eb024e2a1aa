import { LIFECYCLES, type Module, Token } from '../composition/index.js';
import { CONFIG, CONFIG_OBSERVERS } from '../config/index.js';
import type { Logger } from '../contracts/index.js';
import { createLinuxHost, DESCRIPTORS, HOST_PATHS, type RefreshableHost } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { HOST, readMachine } from './index.js';

/** Refreshes the machine information at an interval, because memory, disks and interfaces can change. */
class MachineRefresh {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly host: RefreshableHost,
    private readonly logger: Logger,
  ) {}

  every(intervalMs: number): void {
    this.stop();
    this.timer = setInterval(() => void this.now(), intervalMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async now(): Promise<void> {
    try {
      await this.host.refresh();
    } catch (error) {
      this.logger.error('the machine information could not be refreshed', { error: String(error) });
    }
  }
}

const REFRESH = new Token<MachineRefresh>('machine refresh');

export const machineModule: Module = {
  name: 'machine',
  register(registry) {
    registry.provide(HOST, [HOST_PATHS, DESCRIPTORS, CLOCK, CONFIG], (paths, budget, clock, active) => {
      return createLinuxHost({
        paths,
        budget,
        clock,
        readMachine: (at, filesystems) => readMachine(at, filesystems, active.config.machine),
      });
    });
    registry.provide(REFRESH, [HOST, LOGS], (host, logs) => new MachineRefresh(host, logs.logger('agent')));
    registry.contribute(LIFECYCLES, [REFRESH, HOST, CONFIG], (refresh, host, active) => ({
      async start() {
        await host.refresh();
        refresh.every(active.config.machine.refreshInterval);
      },
      stop: () => refresh.stop(),
    }));
    registry.contribute(CONFIG_OBSERVERS, [REFRESH, CONFIG], (refresh, active) => ({
      sections: ['machine'] as const,
      configChanged() {
        refresh.every(active.config.machine.refreshInterval);
        return refresh.now();
      },
    }));
  },
};
