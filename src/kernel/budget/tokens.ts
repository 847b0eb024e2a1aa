import { ListToken, Token } from '../composition/index.js';
import type { BudgetKeeper } from './keeper.js';
import type { MemoryLimit } from './memory-limit.js';
import type { QueryGate } from './queries.js';

export const BUDGET = new Token<BudgetKeeper>('budget');
export const MEMORY_LIMIT = new Token<MemoryLimit>('memory limit');
/** What decides which requests are answered; absent in a replay. */
export const QUERY_GATES = new ListToken<QueryGate>('query gates');
