import { LIFECYCLES, type Module } from '../composition/index.js';
import { CONFIG, CONFIG_OBSERVERS } from '../config/index.js';
import { CGROUPS, CONTAINERS, DISCOVERY_REQUESTS } from '../containers/index.js';
import { CGROUP_FILES, DESCRIPTORS, HIERARCHIES, HOST_PATHS } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { PLUGIN_HOST } from '../plugins/index.js';
import { ACTIVE_PLUGINS, type ActivePlugin, PLUGIN_OBSERVERS, SUPERVISOR } from '../supervision/index.js';
import { COMMON_TIMER } from '../timing/index.js';
import { DISCOVERY, Discovery } from './discovery.js';

/** Files that metric sources keep open for a cgroup, roughly. */
const FILES_PER_CGROUP = 10;

export const discoveryModule: Module = {
  name: 'discovery',
  register(registry) {
    const needs = {
      active: CONFIG,
      hierarchies: HIERARCHIES,
      paths: HOST_PATHS,
      plugins: ACTIVE_PLUGINS,
      supervisor: SUPERVISOR,
      store: CONTAINERS,
      cgroups: CGROUPS,
      createFiles: CGROUP_FILES,
      descriptors: DESCRIPTORS,
      clock: CLOCK,
      timer: COMMON_TIMER,
      logs: LOGS,
      requests: DISCOVERY_REQUESTS,
    };
    registry.provide(DISCOVERY, needs, ({ active, paths, logs, requests, descriptors, ...rooms }) => {
      const discovery = new Discovery({
        ...rooms,
        logger: logs.logger('discovery'),
        rescanIntervalMs: active.config.discovery.rescanInterval,
        countsFile: `${paths.proc}/cgroups`,
        expectCgroups: (count) => descriptors.expect(count * FILES_PER_CGROUP),
      });
      requests.handleBy(discovery);
      return discovery;
    });
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
