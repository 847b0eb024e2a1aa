export { createClock } from './clock.js';
export { createLoggerSource, type LoggerSource, type LogOptions } from './logger.js';
