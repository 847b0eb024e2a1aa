export type { Delivery } from './delivery.js';
export { type DeliveredOnce, deliverOnce } from './once.js';
export { DELIVERY } from './tokens.js';
