import { Token } from '../composition/index.js';
import type { Clock } from '../contracts/index.js';
import type { LoggerSource } from './logger.js';

export const CLOCK = new Token<Clock>('clock');
export const LOGS = new Token<LoggerSource>('logs');
