import { LIFECYCLES, type Module } from '../composition/index.js';
import { CONFIG, CONFIG_OBSERVERS } from '../config/index.js';
import { CGROUPS, CONTAINERS, DISCOVERY_REQUESTS } from '../containers/index.js';
import { CGROUP_FILES, HIERARCHIES, HOST_PATHS } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { PLUGIN_HOST } from '../plugins/index.js';
import { ACTIVE_PLUGINS, type ActivePlugin, PLUGIN_OBSERVERS, SUPERVISOR } from '../supervision/index.js';
import { Discovery } from './discovery.js';
import { DISCOVERY } from './tokens.js';

export const discoveryModule: Module = {
  name: 'discovery',
  register(registry) {
    registry.provide(
      DISCOVERY,
      [
        CONFIG,
        HIERARCHIES,
        HOST_PATHS,
        ACTIVE_PLUGINS,
        SUPERVISOR,
        CONTAINERS,
        CGROUPS,
        CGROUP_FILES,
        CLOCK,
        LOGS,
        DISCOVERY_REQUESTS,
      ],
      ({ config }, hierarchies, { proc }, plugins, supervisor, store, cgroups, createFiles, clock, logs, requests) => {
        const discovery = new Discovery({
          hierarchies,
          plugins,
          supervisor,
          store,
          cgroups,
          createFiles,
          clock,
          logger: logs.logger('discovery'),
          rescanIntervalMs: config.discovery.rescanInterval,
          countsFile: `${proc}/cgroups`,
        });
        requests.handleBy(discovery);
        return discovery;
      },
    );
    // Started after the plugins, so that every handler is asked once.
    registry.contribute(LIFECYCLES, [DISCOVERY, PLUGIN_HOST], (discovery) => discovery);
    registry.contribute(PLUGIN_OBSERVERS, [DISCOVERY], (discovery) => {
      const changed = ({ kind }: ActivePlugin) => {
        if (kind === 'container-handler') discovery.handlersChanged();
      };
      return { activated: changed, deactivated: changed, reordered: () => discovery.handlersChanged() };
    });
    registry.contribute(CONFIG_OBSERVERS, [DISCOVERY, CONFIG], (discovery, active) => ({
      sections: ['discovery'] as const,
      configChanged: () => discovery.rescanEvery(active.config.discovery.rescanInterval),
    }));
  },
};
