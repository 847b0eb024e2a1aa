import type { Module } from '../composition/index.js';
import { LOGS } from '../log/index.js';
import { CONFIG, CONFIG_OBSERVERS } from './tokens.js';

export const configModule: Module = {
  name: 'config',
  register(registry) {
    registry.contribute(CONFIG_OBSERVERS, [CONFIG, LOGS], (active, logs) => ({
      sections: ['log'] as const,
      configChanged: () => logs.change(active.config.log),
    }));
  },
};
