export {
  Reloader,
  ReloadHistory,
  type ReloadObserver,
  type ReloadOutcome,
  type ReloadSource,
  type ReloadState,
} from './reloader.js';
export { RELOAD_SOURCE, RELOADER, RELOADS } from './tokens.js';
