import { Token } from '../composition/index.js';
import type { Reloader, ReloadHistory, ReloadSource } from './reloader.js';

/** `undefined` for an agent that got its configuration from code and cannot reload it. */
export const RELOAD_SOURCE = new Token<ReloadSource | undefined>('reload source');
export const RELOADS = new Token<ReloadHistory>('reloads');
export const RELOADER = new Token<Reloader | undefined>('reloader');
