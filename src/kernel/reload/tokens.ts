import { Token } from '../composition/index.js';
import type { LoadedConfig } from '../config/index.js';
import type { Reloader, ReloadHistory } from './reloader.js';

/** Where configurations come from. */
export interface ReloadSource {
  /** The one that the agent starts with. */
  readonly active: LoadedConfig;
  /** Reads it again. @throws ConfigError */
  readonly load: () => Promise<LoadedConfig>;
}

/** `undefined`: the agent was given its configuration, which cannot be read again. */
export const RELOAD_SOURCE = new Token<ReloadSource | undefined>('reload source');
export const RELOADS = new Token<ReloadHistory>('reloads');
export const RELOADER = new Token<Reloader | undefined>('reloader');
