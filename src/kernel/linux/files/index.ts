export { DescriptorBudget } from './descriptor-budget.js';
export { DescriptorSentinel } from './descriptor-sentinel.js';
export { BudgetedFile, BudgetedValue } from './kernel-file.js';
export { BudgetedKeyedFile } from './keyed-file.js';
export { isDirectory, readNames, readOnce, readText, readTrimmed } from './text.js';
