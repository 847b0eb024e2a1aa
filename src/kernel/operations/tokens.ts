import { Token } from '../composition/index.js';
import type { Readiness } from './readiness.js';

export const READINESS = new Token<Readiness>('readiness');
