export { type ActivePlugin, ActivePlugins, isKind, type PluginObserver } from './active-plugins.js';
export { lineageOf } from './lineage.js';
export { OpenHandles } from './open-handles.js';
export { MAX_STRETCHED_MS, type Pace, PluginRecord } from './record.js';
export { BLOCKING_THRESHOLD_MS as BLOCKING_MS, Supervisor } from './supervisor.js';
export { TimerSet } from './timer-set.js';
export { ACTIVE_PLUGINS, PLUGIN_OBSERVERS, SUPERVISOR } from './tokens.js';
export { Watchdog } from './watchdog.js';
