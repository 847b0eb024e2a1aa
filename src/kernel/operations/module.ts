import { LIFECYCLES, type Module } from '../composition/index.js';
import { AGENT } from '../config/index.js';
import { CONTAINERS } from '../containers/index.js';
import { type Answer, type Endpoint, RequestError } from '../contracts/index.js';
import { DISCOVERY } from '../discovery/index.js';
import { DOCTOR, type Doctor } from '../doctor/index.js';
import { HOUSEKEEPER, type Housekeeper } from '../housekeeping/index.js';
import { HTTP } from '../http/index.js';
import { RELOADER, type Reloader } from '../reload/index.js';
import { ACTIVE_PLUGINS, SUPERVISOR } from '../supervision/index.js';
import { OWN_OPERATIONS } from '../view/index.js';
import { READINESS, Readiness } from './readiness.js';

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
        http.serve(operationRoutes(readiness, housekeeper, doctor, reloader, status));
        return readiness;
      },
    );
  },
};

const UNPROCESSABLE = 422;

/** The management routes below `/-/`. */
function operationRoutes(
  readiness: Readiness,
  housekeeper: Housekeeper,
  doctor: Doctor,
  reloader: Reloader | undefined,
  status: () => Record<string, unknown>,
): Endpoint['routes'] {
  return {
    '/-/ready': () => health('ready', readiness.awaited),
    '/-/healthy': () => health('healthy', housekeeper.problem()),
    '/-/status': () => json({ ...status(), configuration: reloader?.state() }),
    '/-/doctor': async () => json({ findings: await doctor.examine() }),
    '/-/reload': async ({ method }) => {
      if (method !== 'POST') throw new RequestError(405, 'use POST to reload the configuration');
      if (reloader === undefined)
        throw new RequestError(501, 'this agent was started without a reloadable configuration');
      const outcome = await reloader.reload('POST /-/reload');
      return json(outcome, outcome.ok ? 200 : UNPROCESSABLE);
    },
  };
}

function health(ok: string, problem: string | undefined): Answer {
  return {
    status: problem === undefined ? 200 : 503,
    contentType: 'text/plain; charset=utf-8',
    headers: { 'Cache-Control': 'no-store' },
    body: (out) => out.text(`${problem ?? ok}\n`),
  };
}

function json(value: unknown, status = 200): Answer {
  return {
    status,
    headers: { 'Cache-Control': 'no-store' },
    body: (out) => {
      out.json(value);
      out.ascii('\n');
    },
  };
}
