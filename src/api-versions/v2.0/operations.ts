import { type OperationInfo, z } from '../../kernel/contracts/index.js';
import { machineInfo } from '../v1.0/schema/index.js';
import { eventsOperation } from '../v1.3/operations.js';
import {
  appMetrics,
  attributes,
  containerSpecV2,
  derivedStats,
  flatSampleSchema,
  fsInfo,
  processInfo,
} from './schema.js';

/** The options of every v2 request. */
const options = {
  type: z
    .string()
    .default('name')
    .describe(
      'What the path names. `name`: a cgroup. `docker`, `podman`, or another handler’s namespace: an alias there.',
    ),
  count: z
    .int()
    .min(-1)
    .max(2 ** 32 - 1)
    .default(64)
    .describe('The newest N samples; −1: all.'),
  recursive: z.enum(['true', 'false']).default('false').describe('Also everything below.'),
  max_age: z.string().optional().describe('Reads now what is older: `10s`, `1m30s`, `0`.'),
};
const rest = { name: 'container', description: 'A container: its absolute name, or with `type` an alias or id.' };
const wrong = { 400: 'the request is wrong' };

/** An answer by absolute container name. */
export const byContainer = <T extends z.ZodType>(value: T) => z.record(z.string(), value);

/** An operation on the containers that path and options select. */
export function containersOperation(summary: string, response: z.ZodType): OperationInfo {
  return { summary, rest, query: options, response };
}

/** An operation that ignores the path. */
export function hostOperation(summary: string, response: z.ZodType, query: OperationInfo['query'] = {}): OperationInfo {
  return { summary, query: { ...options, ...query }, response, errors: wrong };
}

const storageQuery = { label: z.string().optional(), uuid: z.string().optional() };

export const operationsV20: Readonly<Record<string, OperationInfo>> = {
  version: hostOperation('The version of the agent.', z.string()),
  attributes: hostOperation('Versions of kernel, system and Docker, and the host.', attributes),
  machine: hostOperation('The host.', machineInfo),
  spec: containersOperation('What containers are, and their limits.', byContainer(containerSpecV2)),
  stats: containersOperation('The newest samples of containers.', byContainer(z.array(flatSampleSchema))),
  summary: containersOperation('Use of containers over the last minute, hour and day.', byContainer(derivedStats)),
  appmetrics: containersOperation('The metrics of the applications in containers.', byContainer(appMetrics)),
  ps: containersOperation('The processes of one container; of `/` all of the host.', z.array(processInfo)),
  storage: {
    ...hostOperation(
      'The file systems of the host: all, those with a label, or (as an object) the one with a uuid.',
      z.union([z.array(fsInfo), fsInfo]),
      storageQuery,
    ),
    errors: { ...wrong, 404: 'no such label or uuid, or nothing is known yet' },
  },
  events: { ...eventsOperation, query: { ...options, ...eventsOperation.query } },
};
