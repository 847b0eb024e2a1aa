/** What the built-in metric sources share: probes put together from one part per kernel file. */

export * from './parts.js';
export * from './processes.js';
export * from './table-part.js';
