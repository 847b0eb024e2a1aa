export * from './answers.js';
export * from './limits.js';
