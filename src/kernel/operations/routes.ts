import { type Answer, type Endpoint, RequestError } from '../contracts/index.js';
import type { Doctor } from '../doctor/index.js';
import type { Housekeeper } from '../housekeeping/index.js';
import type { Reloader } from '../reload/index.js';
import type { Readiness } from './readiness.js';

export interface Operations {
  readonly readiness: Pick<Readiness, 'awaited'>;
  readonly housekeeper: Pick<Housekeeper, 'problem'>;
  readonly doctor: Pick<Doctor, 'examine'>;
  /** `undefined` when the configuration cannot be reloaded. */
  readonly reloader: Pick<Reloader, 'reload' | 'state'> | undefined;
  /** The agent's state, for `/-/status`. */
  readonly status: () => Record<string, unknown>;
}

const UNPROCESSABLE = 422;

/** The management routes below `/-/`. */
export function operationRoutes(operations: Operations): Endpoint['routes'] {
  const { readiness, housekeeper, doctor, reloader, status } = operations;
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
