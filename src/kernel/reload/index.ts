export { Reloader, ReloadHistory, type ReloadObserver, type ReloadOutcome, type ReloadState } from './reloader.js';
export { RELOAD_SOURCE, RELOADER, RELOADS, type ReloadSource } from './tokens.js';
