import { Token } from '../composition/index.js';
import type { EventStore } from './event-store.js';

export const EVENTS = new Token<EventStore>('events');
