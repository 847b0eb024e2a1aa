export { BUILTINS, type BuiltinPlugins, checkPlugin, loadPlugin, type PluginSources } from './loader.js';
export { loadEntry, PLUGIN_HOST, PluginHost } from './plugin-host.js';
export { PluginScope } from './scope.js';
export { withTimeLimit } from './time-limit.js';
