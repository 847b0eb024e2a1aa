export { Housekeeper, type HousekeepingOptions } from './housekeeper.js';
export type { MonitoredContainer } from './monitored-container.js';
