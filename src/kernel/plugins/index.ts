export type { PluginEntry, PluginSources } from './entry.js';
export type { LateTargets } from './isolation/index.js';
export { lineageOf } from './lineage.js';
export { loadEntry } from './load-entry.js';
export { checkPlugin, loadPlugin } from './loader.js';
export { type LoggerFactory, PLUGIN_TOKENS } from './plugin-context.js';
export { PluginHost } from './plugin-host.js';
export { TimerSet } from './timer-set.js';
