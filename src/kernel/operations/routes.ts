import { type Answer, type Endpoint, type Finding, RequestError } from '../contracts/index.js';
import type { ReloadOutcome, ReloadState } from '../reload/index.js';

/** What the agent's own routes tell and do. */
export interface Operations {
  /** What is still waited for, `undefined` once every container found at start has a sample. */
  readonly unready: () => string | undefined;
  /** Why no samples are being taken, `undefined` while they are. */
  readonly trouble: () => string | undefined;
  /** The agent's state, for `/-/status`. */
  readonly status: () => Record<string, unknown>;
  /** Looks for what takes numbers away. */
  readonly examine: () => Promise<readonly Finding[]>;
  /** Reads the configuration again; absent: it cannot be. */
  readonly reload?: (trigger: string) => Promise<ReloadOutcome>;
  /** Which configuration is active. */
  readonly reloads?: () => ReloadState;
}

const UNPROCESSABLE = 422;

/** The routes below `/-/`, by which people and service managers deal with the agent. */
export function operationRoutes(operations: Operations): Endpoint['routes'] {
  const { unready, trouble, status, examine, reload, reloads } = operations;
  return {
    '/-/ready': () => verdict('ready', unready()),
    '/-/healthy': () => verdict('healthy', trouble()),
    '/-/status': () => json({ ...status(), configuration: reloads?.() }),
    '/-/doctor': async () => json({ findings: await examine() }),
    '/-/reload': async ({ method }) => {
      if (method !== 'POST') throw new RequestError(405, 'POST reloads the configuration; nothing else does');
      if (reload === undefined) throw new RequestError(501, 'this agent was started with a configuration of its own');
      const outcome = await reload('POST /-/reload');
      return json(outcome, outcome.ok ? 200 : UNPROCESSABLE);
    },
  };
}

function verdict(good: string, problem: string | undefined): Answer {
  return {
    status: problem === undefined ? 200 : 503,
    contentType: 'text/plain; charset=utf-8',
    headers: { 'Cache-Control': 'no-store' },
    body: (out) => out.text(`${problem ?? good}\n`),
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
