export type { BudgetKeeper } from './keeper.js';
export type { QueryGate } from './queries.js';
export { BUDGET, QUERY_GATES } from './tokens.js';
