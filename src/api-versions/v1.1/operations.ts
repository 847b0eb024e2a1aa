import { type OperationInfo, z } from '../../kernel/contracts/index.js';
import { containerName, operationsV10 } from '../v1.0/operations.js';
import { containerInfo, containerQueryBody } from '../v1.0/schema/index.js';

export const operationsV11 = {
  ...operationsV10,
  subcontainers: {
    summary: 'A container and everything below it, sorted by name.',
    rest: containerName,
    body: containerQueryBody,
    response: z.array(containerInfo),
  },
} satisfies Record<string, OperationInfo>;
