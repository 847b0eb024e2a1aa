import { LIFECYCLES, type Module, Token } from '../composition/index.js';
import { CONFIG, CONFIG_OBSERVERS } from '../config/index.js';
import { createLinuxHost, DESCRIPTORS, HOST_PATHS } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { MachineRefresh, readMachine } from './index.js';
import { HOST } from './machine-refresh.js';

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
    registry.provide(REFRESH, [HOST, LOGS], (host, logs) => {
      return new MachineRefresh(() => host.refresh(), logs.logger('agent'));
    });
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
