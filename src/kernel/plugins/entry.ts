import type { LoadedPlugin } from '../config/index.js';
import type { OnError } from '../contracts/index.js';

/** One entry of the config's `plugins` list, validated and with its defaults. */
export interface PluginEntry {
  /** A built-in's name, an npm package, or a path relative to the config file. */
  readonly use: string;
  /** Name of this instance; absent: the plugin's name, with `#2`, … for further instances. */
  readonly id?: string | undefined;
  /** Options, validated by the plugin's own schema. */
  readonly with: unknown;
  readonly onError: OnError;
  /** Milliseconds that `start` may take. */
  readonly startTimeout: number;
  /** Whether it runs in a process of its own. */
  readonly isolate?: boolean;
  /** Bytes of memory that this process may have; default 128 MiB. */
  readonly memoryLimit?: number | undefined;
  /** Milliseconds that it may be without answering; default 5 s. */
  readonly timeLimit?: number | undefined;
}

/** Where plugins can be loaded from. */
export interface PluginSources {
  /** Built-in plugins by name. The kernel is given this table and knows none of the names. */
  readonly builtins: Readonly<Record<string, () => Promise<unknown>>>;
  /** Version of those that say none of their own: the agent's. */
  readonly builtinVersion?: string;
  /** URL of the module that exports that table as `builtinPlugins`: a built-in can be isolated only with it. */
  readonly builtinsModule?: string;
  /** Directory that relative paths and package names are resolved from: the config file's. */
  readonly baseDir: string;
  /** Throws a `TallymanError` when a plugin file could be altered by other users. */
  readonly assertTrusted: (path: string) => void;
  /** What came of loading plugins before, by the ids of their entries: these are not loaded again. */
  readonly modules?: ReadonlyMap<string, Promise<LoadedPlugin>>;
}
