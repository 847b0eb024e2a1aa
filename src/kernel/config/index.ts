/** Configuration: find the file, parse it with positions, validate it together with every plugin's options. */

export { type ConfigReference, configFileSchema, configReference, type DocumentedPlugin } from './file-schema.js';
export { formatListenAddress, parseListenAddress, parsePort } from './listen.js';
export {
  type ConfigOverride,
  type ConfiguredPlugin,
  type LoadedConfig,
  type LoadOptions,
  loadConfig,
  type PluginResolver,
  type PluginTable,
} from './load.js';
export { ConfigError, type ConfigProblem } from './problems.js';
export { renderReference } from './reference.js';
export { renderSample } from './sample.js';
export type { AgentConfig, PluginEntry, PluginEntryInput } from './schema.js';
export { nearest } from './suggest.js';
export { assertTrusted } from './trust.js';
