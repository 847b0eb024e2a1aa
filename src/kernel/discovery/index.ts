export { Discovery } from './discovery.js';
export type { DiscoveryOptions, WatchDirectory } from './types.js';
