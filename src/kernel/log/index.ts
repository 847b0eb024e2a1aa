export { createClock } from './clock.js';
export { createLoggerSource, journalLines, type LoggerSource, type LogOptions, leadsToJournal } from './logger.js';
