import { LIFECYCLES, type Module } from '../composition/index.js';
import { type AgentConfig, CONFIG, CONFIG_OBSERVERS } from '../config/index.js';
import { CONTAINER_OBSERVERS, CONTAINERS, DISCOVERY_REQUESTS } from '../containers/index.js';
import { DESCRIPTORS } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { ACTIVE_PLUGINS, isKind, PLUGIN_OBSERVERS, SUPERVISOR } from '../supervision/index.js';
import { Housekeeper, type HousekeepingOptions } from './housekeeper.js';
import { HOUSEKEEPER } from './tokens.js';

export const housekeepingModule: Module = {
  name: 'housekeeping',
  register(registry) {
    registry.provide(
      HOUSEKEEPER,
      [CONFIG, CLOCK, LOGS, SUPERVISOR, DISCOVERY_REQUESTS, CONTAINERS, DESCRIPTORS],
      ({ config }, clock, logs, supervisor, discovery, containers, budget) => {
        const logger = logs.logger('housekeeping');
        const refusals = () => budget.refusals;
        return new Housekeeper(optionsOf(config), clock, logger, supervisor, discovery, containers, refusals);
      },
    );
    registry.contribute(LIFECYCLES, [HOUSEKEEPER], (housekeeper) => housekeeper);
    registry.contribute(CONTAINER_OBSERVERS, [HOUSEKEEPER], (housekeeper) => housekeeper);
    registry.contribute(PLUGIN_OBSERVERS, [HOUSEKEEPER, ACTIVE_PLUGINS], (housekeeper, plugins) => ({
      activated(plugin) {
        if (isKind(plugin, 'metric-source')) housekeeper.sourceAdded(plugin, plugins.of('metric-source'));
      },
      deactivated(plugin) {
        if (isKind(plugin, 'metric-source')) housekeeper.sourceRemoved(plugin);
      },
    }));
    registry.contribute(CONFIG_OBSERVERS, [HOUSEKEEPER, CONFIG], (housekeeper, active) => ({
      sections: ['housekeeping', 'history'] as const,
      configChanged: () => housekeeper.reconfigure(optionsOf(active.config)),
    }));
  },
};

function optionsOf({ housekeeping, history }: AgentConfig): HousekeepingOptions {
  return { ...housekeeping, historyDurationMs: history.duration };
}
