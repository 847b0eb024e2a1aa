import { BUDGET } from '../budget/index.js';
import { LIFECYCLES, type Module } from '../composition/index.js';
import { CGROUPS, CONTAINERS, DISCOVERY_REQUESTS } from '../containers/index.js';
import { DESCRIPTORS, HIERARCHIES, HOST_PATHS } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { ACTIVE_PLUGINS, PLUGIN_OBSERVERS } from '../supervision/index.js';
import { Doctor } from './doctor.js';
import { DOCTOR } from './tokens.js';

export const doctorModule: Module = {
  name: 'doctor',
  register(registry) {
    registry.provide(
      DOCTOR,
      [
        HOST_PATHS,
        HIERARCHIES,
        CLOCK,
        LOGS,
        DESCRIPTORS,
        CGROUPS,
        ACTIVE_PLUGINS,
        CONTAINERS,
        DISCOVERY_REQUESTS,
        BUDGET,
      ],
      (paths, hierarchies, clock, logs, descriptors, cgroups, plugins, containers, requests, budget) => {
        const doctor = new Doctor({
          paths,
          hierarchies,
          ownRoot: '/',
          clock,
          logger: logs.logger('doctor'),
          descriptors: () => descriptors.use(),
          log: () => logs.state(),
          cgroups,
          plugins,
          containers,
          budget,
        });
        requests.onFindingsChanged(() => void doctor.examine());
        return doctor;
      },
    );
    registry.contribute(LIFECYCLES, [DOCTOR], (doctor) => doctor);
    registry.contribute(PLUGIN_OBSERVERS, [DOCTOR], (doctor) => ({
      activated({ kind }) {
        if (kind === 'container-handler') void doctor.examine();
      },
    }));
  },
};
