export { containerInfo, containerQueryBody } from './container-info.js';
export { machineInfo, machineShape } from './machine.js';
export { i64, numbers, time, u64 } from './numbers.js';
export * as parts from './sample.js';
export { specShape } from './spec.js';
