/** What the built-in metric sources share: probes put together from one part per kernel file. */

export * from './attach.js';
export * from './fresh-read.js';
export * from './parts.js';
export * from './table-part.js';
