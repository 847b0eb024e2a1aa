export { EVENTS, EventStore } from './event-store.js';
