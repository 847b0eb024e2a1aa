import { Token } from '../composition/index.js';
import type { Diagnostics } from './diagnostics.js';

export const DIAGNOSTICS = new Token<Diagnostics>('diagnostics');
