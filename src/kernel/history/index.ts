export { LayoutTable } from './layout-table.js';
export { type KeptMinutes, MINUTES_PER_DAY, VALUES_PER_MINUTE } from './minute-log.js';
export { SampleRing, timeAfter } from './sample-ring.js';
export { SampleRow } from './sample-row.js';
export { DAY_US, UsageSummarizer } from './summary.js';
