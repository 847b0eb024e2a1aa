import { LIFECYCLES, type Module, Token } from '../composition/index.js';
import { AGENT, CONFIG, CONFIG_OBSERVERS } from '../config/index.js';
import { CONTAINER_OBSERVERS, CONTAINERS } from '../containers/index.js';
import { HOST_PATHS } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { isKind, PLUGIN_OBSERVERS, SUPERVISOR } from '../supervision/index.js';
import { AppMetricsKeeper } from './app-metrics-keeper.js';

const APP_METRICS = new Token<AppMetricsKeeper>('app metrics');

export const appMetricsModule: Module = {
  name: 'app-metrics',
  register(registry) {
    registry.provide(
      APP_METRICS,
      [CONFIG, AGENT, HOST_PATHS, CLOCK, LOGS, SUPERVISOR, CONTAINERS],
      ({ config }, { version }, { proc }, clock, logs, supervisor, store) => {
        const options = { ...config.appMetrics, historyDurationMs: config.history.duration, proc, version };
        return new AppMetricsKeeper(options, clock, logs.logger('app-metrics'), supervisor, store);
      },
    );
    registry.contribute(LIFECYCLES, [APP_METRICS], (keeper) => keeper);
    registry.contribute(CONTAINER_OBSERVERS, [APP_METRICS], (keeper) => keeper);
    registry.contribute(PLUGIN_OBSERVERS, [APP_METRICS], (keeper) => ({
      activated(plugin) {
        if (isKind(plugin, 'app-metrics')) keeper.pluginAdded(plugin);
      },
      deactivated(plugin) {
        if (isKind(plugin, 'app-metrics')) keeper.pluginRemoved(plugin);
      },
    }));
    registry.contribute(CONFIG_OBSERVERS, [APP_METRICS, CONFIG], (keeper, active) => ({
      sections: ['history'] as const,
      configChanged: () => keeper.keepFor(active.config.history.duration),
    }));
  },
};
