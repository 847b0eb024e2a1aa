export { DescriptorBudget, DescriptorMonitor } from './descriptor-budget.js';
export { BudgetedFile, BudgetedValue } from './kernel-file.js';
export { BudgetedKeyedFile } from './keyed-file.js';
export { isDirectory, readOnce, readTrimmed } from './text.js';
