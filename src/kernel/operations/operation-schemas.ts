import { type OperationInfo, z } from '../contracts/index.js';

const micros = z.int().min(0).describe('µs since the epoch');
const text = { response: z.string(), contentType: 'text/plain' };

const finding = z
  .strictObject({
    id: z.string(),
    severity: z.enum(['error', 'warning', 'info']),
    what: z.string().describe('What is the case.'),
    effect: z.string().describe('What is lost by it.'),
    mend: z.string().describe('The exact line that mends it.'),
  })
  .meta({ id: 'DoctorFinding', description: 'Something of the host that takes numbers away from the agent.' });

const reload = z
  .strictObject({
    ok: z.boolean(),
    at: micros,
    trigger: z.string().describe('`SIGHUP` or `POST /-/reload`.'),
    changes: z.array(z.string()).describe('The changes; those that were not applied when `ok` is false.'),
    restart: z.array(z.string()).describe('Changes that take effect at the next start.'),
    error: z.string().optional().describe('Why the previous configuration is still active.'),
  })
  .meta({ id: 'Reload', description: 'How a reload of the configuration went.' });

const status = z
  .strictObject({
    version: z.string(),
    startedAt: micros,
    containers: z.int().min(0),
    plugins: z.array(z.strictObject({ id: z.string(), state: z.string(), lastError: z.string().optional() })),
    routes: z.array(z.string()).optional().describe('Served paths; one that ends in `/` with everything below it.'),
    configuration: z
      .looseObject({})
      .optional()
      .describe('Which configuration is active since when; absent when it cannot be reloaded.'),
  })
  .meta({ id: 'AgentStatus', description: 'The state of the agent.' });

/** Descriptions of the routes that the kernel serves. */
export const ownOperations: Readonly<Record<string, OperationInfo>> = {
  '/healthz': { summary: 'Whether the agent answers.', ...text, errors: {} },
  '/-/ready': {
    summary: 'Whether plugins run and containers are sampled.',
    ...text,
    errors: { 503: 'not yet: what is awaited' },
  },
  '/-/healthy': {
    summary: 'Whether samples are taken.',
    ...text,
    errors: { 503: 'no: the reason' },
  },
  '/-/status': { summary: 'The state of the agent and the paths that it serves.', response: status, errors: {} },
  '/-/doctor': {
    summary: 'What of the host takes numbers away from the agent.',
    response: z.strictObject({ findings: z.array(finding) }),
    errors: {},
  },
  '/-/reload': {
    summary: 'Reads the configuration again.',
    method: 'POST',
    response: reload,
    errors: {
      422: { description: 'the new configuration is refused', response: reload },
      501: 'the agent was started without a configuration file',
    },
  },
};
