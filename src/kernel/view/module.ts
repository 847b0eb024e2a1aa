import { BUDGET } from '../budget/index.js';
import { CAPSULES } from '../capsules/index.js';
import type { Module } from '../composition/index.js';
import { AGENT } from '../config/index.js';
import { CGROUPS, CONTAINERS, LIMITS } from '../containers/index.js';
import { DIAGNOSTICS } from '../diagnosis/index.js';
import { DOCTOR } from '../doctor/index.js';
import { EVENTS } from '../events/index.js';
import { HOUSEKEEPER } from '../housekeeping/index.js';
import { DESCRIPTORS } from '../linux/index.js';
import { LOGS } from '../log/index.js';
import { HOST } from '../machine/index.js';
import { RELOADS } from '../reload/index.js';
import { ACTIVE_PLUGINS, SUPERVISOR } from '../supervision/index.js';
import { LiveView } from './agent-view.js';
import { OWN_OPERATIONS, VIEW } from './tokens.js';

export const viewModule: Module = {
  name: 'view',
  register(registry) {
    registry.provide(
      VIEW,
      [
        AGENT,
        HOST,
        EVENTS,
        HOUSEKEEPER,
        DESCRIPTORS,
        LOGS,
        RELOADS,
        DOCTOR,
        CONTAINERS,
        CGROUPS,
        LIMITS,
        ACTIVE_PLUGINS,
        SUPERVISOR,
        DIAGNOSTICS,
        CAPSULES,
        OWN_OPERATIONS,
        BUDGET,
      ],
      (
        agent,
        host,
        events,
        housekeeper,
        descriptors,
        logs,
        reloads,
        doctor,
        store,
        cgroups,
        limits,
        plugins,
        supervisor,
        diagnostics,
        capsules,
        ownOperations,
        budget,
      ) => {
        const known = { store, cgroups, limits, plugins, supervisor, diagnostics, capsules, ownOperations };
        return new LiveView({
          ...agent,
          host,
          events,
          housekeeper,
          descriptors,
          budget,
          logs,
          reloads,
          doctor,
          ...known,
        });
      },
    );
  },
};
