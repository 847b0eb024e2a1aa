/** Configuration: find the file, parse it with positions, validate it together with every plugin's options. */

export { type ConfigReference, configFileSchema, configReference, type DocumentedPlugin } from './file-schema.js';
export { findConfig, SYSTEM_DIRECTORY, SYSTEM_NAMES, WORKING_DIRECTORY_NAMES } from './find.js';
export { formatListenAddress, type ListenAddress, parseListenAddress, parsePort } from './listen.js';
export {
  type ConfigOverride,
  type ConfiguredPlugin,
  type LoadedConfig,
  type LoadOptions,
  loadConfig,
  type PluginResolver,
  type PluginTable,
} from './load.js';
export { ConfigError, type ConfigProblem, formatProblem } from './problems.js';
export { renderReference } from './reference.js';
export { renderSample } from './sample.js';
export { type AgentConfig, agentConfigSchema, type PluginEntry, type PluginEntryInput } from './schema.js';
export { nearest } from './suggest.js';
export { assertTrusted, type Distrust, findDistrust } from './trust.js';
