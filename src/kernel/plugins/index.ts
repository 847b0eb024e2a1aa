export type { PluginEntry, PluginSources } from './entry.js';
export { type LateTargets, loadIsolated } from './isolation/index.js';
export { lineageOf } from './lineage.js';
export { BrokenPluginError, checkPlugin, type LoadedPlugin, loadPlugin } from './loader.js';
export {
  type ActivePlugin,
  type LoggerFactory,
  PLUGIN_TOKENS,
  PluginHost,
  type PluginListener,
} from './plugin-host.js';
export type { PluginRecord } from './record.js';
export { Supervisor } from './supervisor.js';
