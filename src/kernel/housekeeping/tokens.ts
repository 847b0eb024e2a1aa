import { Token } from '../composition/index.js';
import type { Housekeeper } from './housekeeper.js';

export const HOUSEKEEPER = new Token<Housekeeper>('housekeeper');
