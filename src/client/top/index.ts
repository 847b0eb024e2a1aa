/** The answers of `/api/top` as rows, and what a table of them shows in which order. Runs in browsers too. */
export * from './arrange.js';
export * from './filter.js';
export * from './rows.js';
