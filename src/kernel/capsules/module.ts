import { join } from 'node:path';
import type { Module } from '../composition/index.js';
import { CONFIG, STATE_DIRECTORY } from '../config/index.js';
import { LOGS } from '../log/index.js';
import { CapsuleStore } from './capsule-store.js';
import { Capsules } from './capsules.js';
import { CAPSULES } from './tokens.js';

export const capsulesModule: Module = {
  name: 'capsules',
  register(registry) {
    registry.provide(CAPSULES, [CONFIG, STATE_DIRECTORY, LOGS], (active, state, logs) => {
      const { enabled, directory = state && join(state, 'capsules') } = active.config.recorder;
      if (!enabled || directory === undefined) return new Capsules(undefined);
      const bounds = () => {
        const { maxCapsules: count, maxSize: bytes, maxAge: age } = active.config.recorder;
        return { count, bytes, age };
      };
      return new Capsules(new CapsuleStore(directory, bounds, logs.logger('recorder')));
    });
  },
};
