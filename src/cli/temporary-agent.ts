import { Agent } from '../kernel/agent.js';
import { type LoadedConfig, webDefaults } from '../kernel/config/index.js';
import { LoggerSource } from '../kernel/log/index.js';
import { READINESS } from '../kernel/operations/index.js';
import { builtinPlugins } from '../plugins/builtins.js';
import type { Target } from './agent-client/index.js';
import { agentVersion } from './version.js';

/**
 * Starts a temporary agent with the configuration, on loopback and without its sinks, and stops it.
 * @param ask called with the agent's address, when every container has a sample
 */
export async function withTemporaryAgent<T>(loaded: LoadedConfig, ask: (agent: Target) => Promise<T>): Promise<T> {
  const sinks = new Set(loaded.plugins.filter(({ plugin }) => plugin.kind === 'sink').map(({ use }) => use));
  const { config, directory } = loaded;
  const { auth, tls, hosts, cors } = webDefaults();
  const agent = new Agent({
    config: {
      ...config,
      web: { ...config.web, auth, tls, hosts, cors, listen: ['127.0.0.1:0'] },
      plugins: config.plugins.filter(({ use }) => !sinks.has(use)),
    },
    version: agentVersion(),
    builtins: builtinPlugins,
    pluginDirectory: directory,
    logs: new LoggerSource({ ...config.log, level: 'error' }),
  });
  try {
    const { urls } = await agent.start();
    await agent.get(READINESS).whenReady();
    return await ask({ url: new URL(`${urls[0]}${config.web.urlBasePrefix}`) });
  } finally {
    await agent.stop();
  }
}
