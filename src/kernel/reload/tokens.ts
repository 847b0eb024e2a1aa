import { Token } from '../composition/index.js';
import type { LoadedConfig } from '../config/index.js';
import type { Reloader, ReloadHistory } from './reloader.js';

/** The source of configurations. */
export interface ReloadSource {
  /** The configuration at start. */
  readonly active: LoadedConfig;
  /** Loads it again. @throws ConfigError */
  readonly load: () => Promise<LoadedConfig>;
}

/** `undefined` for an agent that got its configuration from code and cannot reload it. */
export const RELOAD_SOURCE = new Token<ReloadSource | undefined>('reload source');
export const RELOADS = new Token<ReloadHistory>('reloads');
export const RELOADER = new Token<Reloader | undefined>('reloader');
