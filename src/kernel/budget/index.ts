export type { BudgetKeeper } from './keeper.js';
export type { QueryGate } from './queries.js';
export { BUDGET, MEMORY_LIMIT, QUERY_GATES } from './tokens.js';
