export { Housekeeper, type HousekeepingOptions } from './housekeeper.js';
export { type MonitoredContainer, SAMPLING } from './monitored-container.js';
export { HOUSEKEEPER } from './tokens.js';
