export type { PluginEntry, PluginSources } from './entry.js';
export { checkPlugin, loadPlugin } from './loader.js';
export { loadEntry, PluginHost } from './plugin-host.js';
export { PluginScope } from './scope.js';
export { BUILTINS, type BuiltinPlugins, PLUGIN_HOST } from './tokens.js';
