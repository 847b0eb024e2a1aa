import { type LoadedConfig, loadConfig } from '../kernel/config/index.js';
import type { Plugin } from '../kernel/contracts/index.js';
import type { PluginSources } from '../kernel/plugins/index.js';
import { builtinPlugins } from '../plugins/builtins.js';

/** A plugin that a test agent runs, with its options. */
export interface TestedPlugin {
  readonly plugin: Plugin;
  /** The `with` block. */
  readonly with?: Readonly<Record<string, unknown>>;
}

export interface TestAgentOptions {
  /** Root directory of a `SimulatedHost`; absent: this machine. */
  readonly root?: string;
  readonly plugins?: readonly TestedPlugin[];
  /** Built-in plugins that run before the tested ones. */
  readonly builtins?: readonly string[];
  /** The state directory; absent: none. */
  readonly stateDirectory?: string;
  /** Other options of the agent, as in its config file: `{ housekeeping: { interval: '100ms' } }`. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A directory without a config file. */
const NOWHERE = '/nonexistent';

/** The configuration of a test agent and its plugins. @throws ConfigError */
export async function testConfig({
  root,
  plugins = [],
  builtins = [],
  config = {},
}: TestAgentOptions): Promise<{ config: LoadedConfig['config']; builtins: PluginSources['builtins'] }> {
  const table = {
    ...builtinPlugins,
    ...Object.fromEntries(plugins.map(({ plugin }) => [plugin.name, async () => plugin])),
  };
  const tested = plugins.map(({ plugin, with: options = {} }) => ({
    use: plugin.name,
    with: options,
    onError: 'fail',
  }));
  const others = builtins.filter((name) => !plugins.some(({ plugin }) => plugin.name === name));
  const entries = [...others.map((use) => ({ use })), ...tested];
  const sections = {
    web: { listen: ['127.0.0.1:0'] },
    ...(root === undefined ? {} : { host: { root } }),
    ...config,
    plugins: entries,
  };
  const loaded = await loadConfig({
    workingDirectory: NOWHERE,
    systemDirectory: NOWHERE,
    builtins: table,
    defaultPlugins: [],
    resolvePlugin: async ({ use }) => ({ plugin: await table[use]!(), module: use }),
    overrides: Object.entries(sections).map(([name, value]) => ({ source: name, path: [name], change: () => value })),
  });
  return { config: loaded.config, builtins: table };
}
