import { isDeepStrictEqual } from 'node:util';
import type { LoadedPlugin } from './plugin-options.js';
import type { AgentConfig } from './schema.js';

/** A configuration to go over to. */
export interface ConfigChange {
  readonly config: AgentConfig;
  /** That relative paths count from: the config file's. */
  readonly directory: string;
  /** Plugins that were loaded with it, by the ids of their instances. */
  readonly modules?: ReadonlyMap<string, Promise<LoadedPlugin>>;
}

/** Told when the options that it goes by are others. */
export interface ConfigObserver {
  readonly sections: readonly (keyof AgentConfig)[];
  /** Whether relative paths in these sections count from the config file's directory, which may be another one. */
  readonly hasPaths?: boolean;
  /** Called at every change of the configuration, whatever it is, before the others. */
  reloaded?(): void;
  /** @throws TallymanError when the new options cannot be used */
  configChanged(): Promise<void> | void;
}

/** The configuration that is active. */
export class ActiveConfig {
  config: AgentConfig;
  directory: string;
  modules: ConfigChange['modules'];

  constructor({ config, directory, modules }: ConfigChange) {
    this.config = config;
    this.directory = directory;
    this.modules = modules;
  }

  /**
   * Goes over to another one: only those are told whose sections differ, the highest room first.
   * @param observers the lowest room first
   * @throws TallymanError when one of them cannot use it; go back to the one before then
   */
  async change({ config, directory, modules }: ConfigChange, observers: readonly ConfigObserver[]): Promise<void> {
    const before = this.config;
    const hasMoved = directory !== this.directory;
    this.config = config;
    this.directory = directory;
    this.modules = modules;
    const highestFirst = [...observers].reverse();
    for (const observer of highestFirst) observer.reloaded?.();
    for (const observer of highestFirst) {
      const hasChanged = observer.sections.some((section) => !isDeepStrictEqual(before[section], config[section]));
      if (hasChanged || (hasMoved && observer.hasPaths === true)) await observer.configChanged();
    }
  }
}
