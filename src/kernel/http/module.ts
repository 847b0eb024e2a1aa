import { QUERY_GATES } from '../budget/index.js';
import { LIFECYCLES, type Module } from '../composition/index.js';
import { CONFIG, CONFIG_OBSERVERS } from '../config/index.js';
import { DISCOVERY } from '../discovery/index.js';
import { LOGS } from '../log/index.js';
import { PLUGIN_HOST } from '../plugins/index.js';
import { ACTIVE_PLUGINS, type ActivePlugin, PLUGIN_OBSERVERS, SUPERVISOR } from '../supervision/index.js';
import { HTTP, SOCKETS, WebService } from './web-service.js';

export const httpModule: Module = {
  name: 'http',
  register(registry) {
    const needs = [CONFIG, SOCKETS, ACTIVE_PLUGINS, SUPERVISOR, LOGS, QUERY_GATES] as const;
    registry.provide(HTTP, needs, (active, sockets, plugins, supervisor, logs, [queries]) => {
      return new WebService(active, sockets, plugins, supervisor, logs, queries);
    });
    // Requests are answered only once the plugins run and the containers are found.
    registry.contribute(LIFECYCLES, [HTTP, PLUGIN_HOST, DISCOVERY], (http) => http);
    registry.contribute(PLUGIN_OBSERVERS, [HTTP], (http) => {
      const changed = ({ kind }: ActivePlugin) => {
        if (kind === 'api-version' || kind === 'endpoint') http.remount();
      };
      return { activated: changed, deactivated: changed };
    });
    // First of all: an address that cannot be listened on refuses a configuration before anything else has changed.
    registry.contribute(CONFIG_OBSERVERS, [HTTP, PLUGIN_HOST, DISCOVERY], (http) => ({
      sections: ['web'] as const,
      hasPaths: true,
      // Tokens and certificates may be others although the options are the same.
      reloaded: () => http.renewSecrets(),
      configChanged: () => http.reconfigure(),
    }));
  },
};
