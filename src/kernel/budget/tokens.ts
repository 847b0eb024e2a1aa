import { ListToken, Token } from '../composition/index.js';
import type { BudgetKeeper } from './keeper.js';
import type { QueryGate } from './queries.js';

export const BUDGET = new Token<BudgetKeeper>('budget');
/** Who decides which requests are answered; nobody does in a replay. */
export const QUERY_GATES = new ListToken<QueryGate>('query gates');
