import type { Module } from '../composition/index.js';
import { CLOCK } from '../log/index.js';
import { ACTIVE_PLUGINS, SUPERVISOR } from '../supervision/index.js';
import { DIAGNOSTICS, Diagnostics } from './diagnostics.js';

export const diagnosisModule: Module = {
  name: 'diagnosis',
  register(registry) {
    registry.provide(
      DIAGNOSTICS,
      [ACTIVE_PLUGINS, SUPERVISOR, CLOCK],
      (plugins, supervisor, clock) => new Diagnostics(plugins, supervisor, clock),
    );
  },
};
