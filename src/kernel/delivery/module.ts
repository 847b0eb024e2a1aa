import type { Module } from '../composition/index.js';
import { CLOCK } from '../log/index.js';
import { SUPERVISOR } from '../supervision/index.js';
import { COMMON_TIMER } from '../timing/index.js';
import { VIEW } from '../view/index.js';
import { Delivery } from './delivery.js';
import { DELIVERY } from './tokens.js';

export const deliveryModule: Module = {
  name: 'delivery',
  register(registry) {
    registry.provide(
      DELIVERY,
      [SUPERVISOR, VIEW, CLOCK, COMMON_TIMER],
      (supervisor, view, clock, timer) => new Delivery(supervisor, view, clock, timer),
    );
  },
};
