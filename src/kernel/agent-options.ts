import type { AgentConfig } from './config/index.js';
import type { HousekeepingOptions } from './housekeeping/index.js';
import type { LoggerSource } from './log/index.js';
import type { Operations } from './operations/index.js';
import type { PluginSources } from './plugins/index.js';

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly version: string;
  readonly builtins: PluginSources['builtins'];
  /** URL of the module that exports them as `builtinPlugins`, for those that are isolated. */
  readonly builtinsModule?: string;
  /** Directory that plugin paths and packages are resolved from. */
  readonly pluginDirectory: string;
  /** Plugins that were loaded with the configuration. */
  readonly modules?: PluginSources['modules'];
  readonly logs: LoggerSource;
  /** Descriptors of sockets that already listen: served on instead of `web.listen`. */
  readonly sockets?: readonly number[];
  /** What the agent's own routes need to know of reloads. */
  readonly reloads?: Pick<Operations, 'reload' | 'reloads'>;
}

/** A configuration to go over to. */
export interface AgentChange {
  readonly config: AgentConfig;
  readonly directory: string;
  readonly modules?: PluginSources['modules'];
}

/** What the agent found when it started. */
export interface Found {
  readonly urls: readonly string[];
  readonly cgroupVersion: 1 | 2;
  readonly hierarchies: readonly string[];
  readonly containers: number;
  readonly plugins: number;
}

export function housekeepingOf({ housekeeping, history }: AgentConfig): HousekeepingOptions {
  return { ...housekeeping, historyDuration: history.duration };
}
