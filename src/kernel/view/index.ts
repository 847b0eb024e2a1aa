export { LiveView, type LiveViewParts } from './agent-view.js';
