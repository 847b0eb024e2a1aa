export { type ActivePlugin, ActivePlugins, isKind, type PluginObserver } from './active-plugins.js';
export { LoopWatch } from './loop-watch.js';
export { OpenHandles } from './open-handles.js';
export { PluginRecord } from './record.js';
export { HOLD_UP, Supervisor } from './supervisor.js';
export { Watchdog } from './watchdog.js';
