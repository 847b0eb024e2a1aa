import type { Module } from '../composition/index.js';
import { CLOCK } from '../log/index.js';
import { CommonTimer } from './common-timer.js';
import { COMMON_TIMER } from './tokens.js';

export const timingModule: Module = {
  name: 'timing',
  register(registry) {
    registry.provide(COMMON_TIMER, [CLOCK], (clock) => new CommonTimer(clock));
  },
};
