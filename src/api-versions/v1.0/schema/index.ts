export { machineInfo, machineShape } from './machine.js';
export { i64, numbers, time, u64 } from './numbers.js';
export * as parts from './sample.js';
export { containerInfo, containerQueryBody, specShape } from './spec.js';
