export { coresLimit, finiteLimit, memoryLimit } from './limits.js';
export { type Totals, totalsOf } from './totals.js';
