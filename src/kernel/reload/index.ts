export { Reloader, type ReloadOutcome, type ReloadState } from './reloader.js';
