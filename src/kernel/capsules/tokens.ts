import { Token } from '../composition/index.js';
import type { Capsules } from './capsules.js';

export const CAPSULES = new Token<Capsules>('capsules');
