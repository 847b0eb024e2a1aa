export type { PluginEntry, PluginSources } from './entry.js';
export { type LateTargets, loadIsolated } from './isolation/index.js';
export { lineageOf } from './lineage.js';
export { BrokenPluginError, checkPlugin, type LoadedPlugin, loadPlugin } from './loader.js';
export {
  type LoggerFactory,
  PLUGIN_TOKENS,
  PluginHost,
} from './plugin-host.js';
export { TimerSet } from './timer-set.js';
