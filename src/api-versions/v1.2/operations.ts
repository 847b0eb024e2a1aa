import { type OperationInfo, z } from '../../kernel/contracts/index.js';
import { containerInfo, containerQueryBody } from '../v1.0/schema/index.js';
import { operationsV11 } from '../v1.1/operations.js';

export const operationsV12 = {
  ...operationsV11,
  docker: {
    summary: 'A Docker container by name or id (or the beginning of one), or all of them, by absolute name.',
    rest: { name: 'container', description: 'A name or id of a Docker container.' },
    body: containerQueryBody,
    response: z.record(z.string(), containerInfo),
  },
} satisfies Record<string, OperationInfo>;
