import { Token } from '../composition/index.js';
import type { Discovery } from './discovery.js';

export const DISCOVERY = new Token<Discovery>('discovery');
