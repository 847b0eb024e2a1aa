import type { Rule } from '../../../../kernel/contracts/index.js';
import { cpuThrottled, cpuWaiting } from './cpu.js';
import { memoryNearLimit, memoryReclaim, oomKilled } from './memory.js';

/** The rules that come with the agent. */
export const RULES: readonly Rule[] = [oomKilled, memoryReclaim, memoryNearLimit, cpuThrottled, cpuWaiting];
