export { Discovery } from './discovery.js';
export { DISCOVERY } from './tokens.js';
export type { DiscoveryOptions, WatchDirectory } from './types.js';
