export { EventStore, type Retention } from './event-store.js';
export type { OomKill } from './kernel-log.js';
export { OomWatcher } from './oom-watcher.js';
