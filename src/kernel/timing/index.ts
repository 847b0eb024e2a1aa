export { CommonTimer } from './common-timer.js';
export { COMMON_TIMER } from './tokens.js';
