import type { Module } from './composition/index.js';
import type { AgentConfig } from './config/index.js';
import type { LoggerSource } from './log/index.js';
import type { PluginSources } from './plugins/index.js';
import type { ReloadSource } from './reload/index.js';

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly version: string;
  readonly builtins: PluginSources['builtins'];
  /** URL of the module that exports them as `builtinPlugins`, for those that are isolated. */
  readonly builtinsModule?: string;
  /** Directory that plugin paths and packages are resolved from. */
  readonly pluginDirectory: string;
  /** Directory of persistent state; absent: none is kept. */
  readonly stateDirectory?: string | undefined;
  /** Plugins that were loaded with the configuration. */
  readonly modules?: PluginSources['modules'];
  readonly logs: LoggerSource;
  /** Descriptors of sockets that already listen: served on instead of `web.listen`. */
  readonly sockets?: readonly number[];
  /** Where the configuration came from; absent: it cannot be read again. */
  readonly reload?: ReloadSource;
  /** Default: all rooms. */
  readonly rooms?: readonly Module[];
  /** Take precedence over what the rooms provide. */
  readonly overrides?: readonly Module[];
}

/** What the agent found when it started. */
export interface Found {
  readonly urls: readonly string[];
  readonly cgroupVersion: 1 | 2;
  readonly hierarchies: readonly string[];
  readonly containers: number;
  readonly plugins: number;
}
