import { BUDGET, MEMORY_LIMIT } from '../budget/index.js';
import { LIFECYCLES, type Module } from '../composition/index.js';
import { CGROUPS, CONTAINERS, DISCOVERY_REQUESTS } from '../containers/index.js';
import { DESCRIPTORS, HIERARCHIES, HOST_PATHS } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { ACTIVE_PLUGINS, PLUGIN_OBSERVERS } from '../supervision/index.js';
import { DOCTOR, Doctor } from './doctor.js';

export const doctorModule: Module = {
  name: 'doctor',
  register(registry) {
    const needs = {
      paths: HOST_PATHS,
      hierarchies: HIERARCHIES,
      clock: CLOCK,
      logs: LOGS,
      descriptorBudget: DESCRIPTORS,
      cgroups: CGROUPS,
      plugins: ACTIVE_PLUGINS,
      containers: CONTAINERS,
      requests: DISCOVERY_REQUESTS,
      budgetKeeper: BUDGET,
      memory: MEMORY_LIMIT,
    };
    registry.provide(DOCTOR, needs, ({ logs, descriptorBudget, requests, budgetKeeper, memory, ...rooms }) => {
      const logger = logs.logger('doctor');
      const descriptors = () => descriptorBudget.use();
      const budget = { findings: () => [...budgetKeeper.findings(), ...memory.findings()] };
      const doctor = new Doctor({ ...rooms, ownRoot: '/', logger, descriptors, budget, log: () => logs.state() });
      requests.onFindingsChanged(() => void doctor.examine());
      return doctor;
    });
    registry.contribute(LIFECYCLES, [DOCTOR], (doctor) => doctor);
    registry.contribute(PLUGIN_OBSERVERS, [DOCTOR], (doctor) => ({
      activated({ kind }) {
        if (kind === 'container-handler') void doctor.examine();
      },
    }));
  },
};
