export { timeAfter } from './entry-time.js';
export { LayoutTable } from './layout-table.js';
export { SampleRing } from './sample-ring.js';
export { SampleRow } from './sample-row.js';
export { UsageSummarizer } from './summary.js';
