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
    const needs = {
      agent: AGENT,
      host: HOST,
      events: EVENTS,
      housekeeper: HOUSEKEEPER,
      descriptors: DESCRIPTORS,
      budget: BUDGET,
      logs: LOGS,
      reloads: RELOADS,
      doctor: DOCTOR,
      store: CONTAINERS,
      cgroups: CGROUPS,
      limits: LIMITS,
      plugins: ACTIVE_PLUGINS,
      supervisor: SUPERVISOR,
      diagnostics: DIAGNOSTICS,
      capsules: CAPSULES,
      ownOperations: OWN_OPERATIONS,
    };
    registry.provide(VIEW, needs, ({ agent, ...rooms }) => new LiveView({ ...agent, ...rooms }));
  },
};
