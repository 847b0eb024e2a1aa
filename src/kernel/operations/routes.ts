import type { Answer, Endpoint } from '../contracts/index.js';

/** What the agent's own routes tell. */
export interface Operations {
  /** What is still waited for, `undefined` once every container found at start has a sample. */
  readonly unready: () => string | undefined;
  /** Why no samples are being taken, `undefined` while they are. */
  readonly trouble: () => string | undefined;
  /** The agent's state, for `/-/status`. */
  readonly status: () => unknown;
}

/** The routes below `/-/`, by which people and service managers deal with the agent. */
export function operationRoutes({ unready, trouble, status }: Operations): Endpoint['routes'] {
  return {
    '/-/ready': () => verdict('ready', unready()),
    '/-/healthy': () => verdict('healthy', trouble()),
    '/-/status': () => json(status()),
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

function json(value: unknown): Answer {
  return { headers: { 'Cache-Control': 'no-store' }, body: (out) => out.json(value) };
}
