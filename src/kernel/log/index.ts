export { createClock } from './clock.js';
export { type LogFormat, lineForm } from './form.js';
export { createLoggerSource, type LoggerSource, type LogOptions, type LogState } from './logger.js';
export { LineOutput } from './output.js';
export { RecentlyTold } from './recently-told.js';
export { CLOCK, LOGS } from './tokens.js';
