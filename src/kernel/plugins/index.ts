export type { PluginEntry, PluginSources } from './entry.js';
export { type LateTargets, loadIsolated } from './isolation/index.js';
export { lineageOf } from './lineage.js';
export { BrokenPluginError, checkPlugin, type LoadedPlugin, loadPlugin } from './loader.js';
export { LoopWatch } from './loop-watch.js';
export {
  type ActivePlugin,
  isKind,
  type LoggerFactory,
  PLUGIN_TOKENS,
  PluginHost,
  type PluginListener,
} from './plugin-host.js';
export type { PluginRecord } from './record.js';
export { HOLD_UP, Supervisor } from './supervisor.js';
export { TimerSet } from './timer-set.js';
export { Watchdog } from './watchdog.js';
