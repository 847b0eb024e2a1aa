export { EventRecorder } from './event-recorder.js';
export { EVENTS, EventStore, type Retention } from './event-store.js';
export { type OomKill, OomWatcher } from './oom-watcher.js';
