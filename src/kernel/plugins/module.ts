import { COMPOSITION, LIFECYCLES, type Module, Token } from '../composition/index.js';
import {
  type ActiveConfig,
  AGENT,
  type AgentIdentity,
  assertTrusted,
  CONFIG,
  CONFIG_OBSERVERS,
} from '../config/index.js';
import { DISCOVERY_REQUESTS } from '../containers/index.js';
import type { PluginContext } from '../contracts/index.js';
import { DELIVERY } from '../delivery/index.js';
import { HOUSEKEEPER } from '../housekeeping/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { HOST } from '../machine/index.js';
import { ACTIVE_PLUGINS, SUPERVISOR, Watchdog } from '../supervision/index.js';
import { COMMON_TIMER } from '../timing/index.js';
import { VIEW } from '../view/index.js';
import { BUILTINS, type BuiltinPlugins, type PluginSources } from './loader.js';
import { PLUGIN_HOST, PluginHost } from './plugin-host.js';
import { type CreateInstanceContainer, PluginScope } from './scope.js';

const INSTANCE_CONTAINERS = new Token<CreateInstanceContainer>('containers of plugin instances');
const SCOPE = new Token<PluginScope>('plugin scope');
const CONTEXT = new Token<PluginContext>('plugin context');

export const pluginsModule: Module = {
  name: 'plugins',
  register(registry) {
    const services = [SUPERVISOR, LOGS, CLOCK, HOST, VIEW] as const;
    registry.provide(INSTANCE_CONTAINERS, [COMPOSITION, ...services], (composition) => (record) => {
      const container = composition.child({
        name: record.id,
        register(own) {
          own.provide(
            SCOPE,
            [SUPERVISOR, COMMON_TIMER],
            (supervisor, timer) => new PluginScope(supervisor, record, timer),
          );
          own.provide(CONTEXT, [SCOPE, LOGS, CLOCK, HOST, VIEW], (scope, logs, clock, linux, agent) => {
            const { id } = record;
            return { id, logger: logs.logger(id), clock, timers: scope, signal: scope.signal, linux, agent };
          });
        },
      });
      return {
        context: container.get(CONTEXT),
        scope: container.get(SCOPE),
        dispose: () => container.dispose(),
      };
    });
    registry.provide(
      PLUGIN_HOST,
      [INSTANCE_CONTAINERS, SUPERVISOR, LOGS, ACTIVE_PLUGINS, DISCOVERY_REQUESTS, DELIVERY, CONFIG],
      (createContainer, supervisor, logs, plugins, requests, delivery, { config }) => {
        const watchdog = new Watchdog(supervisor.board, config.log.format);
        return new PluginHost(createContainer, supervisor, logs.logger('agent'), plugins, requests, delivery, watchdog);
      },
    );
    const started = [PLUGIN_HOST, CONFIG, BUILTINS, AGENT, HOUSEKEEPER] as const;
    registry.contribute(LIFECYCLES, started, (host, active, builtins, agent, housekeeper) => ({
      async start() {
        await host.load(active.config.plugins, sourcesOf(builtins, agent, active));
        await host.start();
      },
      // Sinks hand over what they hold while requests are finished.
      quiesce: (limitMs) => host.stopSinks(limitMs),
      stop(limitMs) {
        // Probes are closed before their plugins stop.
        housekeeper.stop();
        return host.stop(limitMs);
      },
    }));
    registry.contribute(CONFIG_OBSERVERS, [PLUGIN_HOST, CONFIG, BUILTINS, AGENT], (host, active, builtins, agent) => ({
      sections: ['plugins'] as const,
      hasPaths: true,
      configChanged: () => host.reconfigure(active.config.plugins, sourcesOf(builtins, agent, active)),
    }));
  },
};

function sourcesOf(
  builtins: BuiltinPlugins,
  { version }: AgentIdentity,
  { directory, modules }: ActiveConfig,
): PluginSources {
  return {
    ...builtins,
    builtinVersion: version,
    baseDir: directory,
    ...(modules !== undefined && { modules }),
    assertTrusted: (path) => assertTrusted(path, 'plugin'),
  };
}
