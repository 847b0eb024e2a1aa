export { DISCOVERY, Discovery, type DiscoveryOptions } from './discovery.js';
export type { WatchDirectory } from './watch-pool.js';
