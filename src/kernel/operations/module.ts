import { LIFECYCLES, type Module } from '../composition/index.js';
import { AGENT } from '../config/index.js';
import { CONTAINERS } from '../containers/index.js';
import { DISCOVERY } from '../discovery/index.js';
import { DOCTOR } from '../doctor/index.js';
import { HOUSEKEEPER } from '../housekeeping/index.js';
import { HTTP } from '../http/index.js';
import { RELOADER } from '../reload/index.js';
import { ACTIVE_PLUGINS, SUPERVISOR } from '../supervision/index.js';
import { OWN_OPERATIONS } from '../view/index.js';
import { READINESS, Readiness } from './readiness.js';
import { operationRoutes } from './routes.js';

export const operationsModule: Module = {
  name: 'operations',
  register(registry) {
    registry.provide(READINESS, [ACTIVE_PLUGINS, DISCOVERY, HOUSEKEEPER], (...needs) => new Readiness(...needs));
    registry.contribute(OWN_OPERATIONS, [], () => async () => (await import('./operation-schemas.js')).ownOperations);
    registry.contribute(
      LIFECYCLES,
      [READINESS, HTTP, HOUSEKEEPER, DOCTOR, RELOADER, AGENT, CONTAINERS, SUPERVISOR],
      (readiness, http, housekeeper, doctor, reloader, agent, containers, supervisor) => {
        const status = () => ({
          ...agent,
          containers: containers.size,
          plugins: supervisor.statuses().map(({ id, state, lastError }) => ({ id, state, lastError })),
          routes: http.routes(),
        });
        http.serve(operationRoutes({ readiness, housekeeper, doctor, reloader, status }));
        return readiness;
      },
    );
  },
};
