export {
  ACTIVE_PLUGINS,
  type ActivePlugin,
  ActivePlugins,
  isKind,
  PLUGIN_OBSERVERS,
  type PluginObserver,
} from './active-plugins.js';
export { lineageOf } from './lineage.js';
export { OpenHandles } from './open-handles.js';
export { MAX_STRETCHED_MS, type Pace, PluginRecord } from './record.js';
export { BLOCKING_THRESHOLD_MS as BLOCKING_MS, SUPERVISOR, Supervisor } from './supervisor.js';
export { TimerSet } from './timer-set.js';
export { Watchdog } from './watchdog.js';
