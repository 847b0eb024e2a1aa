export { createClock } from './clock.js';
export { entryFormatter, type LogFormat } from './format.js';
export { RecentMessages } from './limiter.js';
export { LoggerSource, type LogOptions, type LogState } from './logger.js';
export { LineOutput } from './output.js';
export { CLOCK, LOGS } from './tokens.js';
