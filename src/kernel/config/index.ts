/** Configuration: find the file, parse it with positions, validate it together with every plugin's options. */

export { ActiveConfig, type ConfigChange, type ConfigObserver } from './active-config.js';
export { tooDeepAt } from './document.js';
export { SYSTEM_DIRECTORY, SYSTEM_NAMES } from './find.js';
export { isMapping, type JsonSchema, jsonSchemaOf, withoutEmptySections } from './json-schema.js';
export { formatListenAddress, isLoopbackHost, parseListenAddress, parsePort } from './listen.js';
export { type ConfigOverride, type EffectiveConfig, type LoadedConfig, type LoadOptions, loadConfig } from './load.js';
export { guardModules } from './module-guard.js';
export { isRefusal } from './module-hooks.js';
export {
  BrokenPluginError,
  type ConfiguredPlugin,
  type LoadedPlugin,
  optionProblems,
  type PluginResolver,
  type PluginTable,
} from './plugin-options.js';
export { ConfigError, type ConfigProblem } from './problems.js';
export {
  type ConfigReference,
  configFileSchema,
  configReference,
  type DocumentedPlugin,
  renderReference,
  renderSample,
} from './reference.js';
export type { AgentConfig, PluginEntry, PluginEntryInput } from './schema.js';
export { nearest } from './suggest.js';
export { AGENT, type AgentIdentity, CONFIG, CONFIG_OBSERVERS, STATE_DIRECTORY } from './tokens.js';
export { assertTrusted } from './trust.js';
export { exposedMessage, type WebConfig, webDefaults } from './web-schema.js';
