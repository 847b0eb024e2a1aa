import { Token } from '../composition/index.js';
import type { CommonTimer } from './common-timer.js';

export const COMMON_TIMER = new Token<CommonTimer>('common timer');
