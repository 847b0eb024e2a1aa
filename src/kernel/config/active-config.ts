import { isDeepStrictEqual } from 'node:util';
import type { LoadedPlugin } from './plugin-options.js';
import type { AgentConfig } from './schema.js';

/** A configuration to activate. */
export interface ConfigChange {
  readonly config: AgentConfig;
  /** Base of relative paths: the directory of the config file. */
  readonly directory: string;
  /** Plugins loaded with it, by instance ID. */
  readonly modules?: ReadonlyMap<string, Promise<LoadedPlugin>>;
}

/** Notified when its sections of the configuration change. */
export interface ConfigObserver {
  readonly sections: readonly (keyof AgentConfig)[];
  /** Whether the sections have paths relative to the config file; a new directory then counts as a change. */
  readonly hasPaths?: boolean;
  /** Called at every reload, before any `configChanged`. */
  reloaded?(): void;
  /** @throws TallymanError when the new options cannot be used */
  configChanged(): Promise<void> | void;
}

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
   * Activates another configuration and notifies the observers whose sections differ, the highest room first.
   * @param observers the lowest room first
   * @throws TallymanError when one of them cannot use it; the caller should then change back
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
