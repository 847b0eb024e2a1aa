export { configurationOf, Reloader, type ReloadOutcome, type ReloadState } from './reloader.js';
