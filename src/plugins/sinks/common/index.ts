export * from './cadvisor.js';
export * from './groups.js';
export * from './json.js';
