import { LIFECYCLES, type Module } from '../composition/index.js';
import { createClock } from './clock.js';
import { CLOCK, LOGS } from './tokens.js';

export const logModule: Module = {
  name: 'log',
  register(registry) {
    registry.provide(CLOCK, [], createClock);
    registry.contribute(LIFECYCLES, [LOGS], (logs) => ({ stop: () => logs.flush() }));
  },
};
