import { Token } from '../composition/index.js';
import type { Delivery } from './delivery.js';

export const DELIVERY = new Token<Delivery>('delivery');
