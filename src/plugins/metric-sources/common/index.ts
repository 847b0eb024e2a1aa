/** What the built-in metric sources share: probes put together from one part per kernel file. */

export * from './attach.js';
export * from './columns.js';
export * from './exact-sum.js';
export * from './families.js';
export * from './fresh-read.js';
export * from './paced-part.js';
export * from './parts.js';
export * from './processes.js';
export * from './table-part.js';
