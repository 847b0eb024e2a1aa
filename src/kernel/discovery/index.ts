export { Discovery, type DiscoveryOptions } from './discovery.js';
export { DISCOVERY } from './tokens.js';
export type { WatchDirectory } from './watch-pool.js';
