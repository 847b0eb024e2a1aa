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
  /** Time limit of `start`, ms. */
  readonly startTimeout: number;
  readonly isolate?: boolean;
  /** Maximum memory of this process in bytes; default 128 MiB. */
  readonly memoryLimit?: number | undefined;
  /** Maximum time in ms without an answer; default 5 s. */
  readonly timeLimit?: number | undefined;
}

/** Where plugins can be loaded from. */
export interface PluginSources {
  /** Built-in plugins by name. */
  readonly builtins: Readonly<Record<string, () => Promise<unknown>>>;
  /** The agent's version, for plugins without their own. */
  readonly builtinVersion?: string;
  /** URL of the module that exports that table as `builtinPlugins`, needed to isolate a built-in. */
  readonly builtinsModule?: string;
  /** Directory of the config file, from which relative paths and package names are resolved. */
  readonly baseDir: string;
  /** Throws a `TallymanError` when other users could change a plugin file. */
  readonly assertTrusted: (path: string) => void;
  /** Plugins that are already loaded, by entry id. */
  readonly modules?: ReadonlyMap<string, Promise<LoadedPlugin>>;
}
