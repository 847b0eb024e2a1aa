export { EventRecorder } from './event-recorder.js';
export { EventStore, type Retention } from './event-store.js';
export { type OomKill, OomWatcher } from './oom-watcher.js';
export { EVENTS } from './tokens.js';
