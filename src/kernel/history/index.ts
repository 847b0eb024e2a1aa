export { LayoutTable } from './layout-table.js';
export { SampleRing, timeAfter } from './sample-ring.js';
export { SampleRow } from './sample-row.js';
export { UsageSummarizer } from './summary.js';
