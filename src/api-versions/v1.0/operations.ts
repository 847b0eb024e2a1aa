import type { OperationInfo } from '../../kernel/contracts/index.js';
import { containerInfo, containerQueryBody, machineInfo } from './schema/index.js';

export const containerName = {
  name: 'container',
  description: 'The absolute name of a container: the cgroup path, with its slashes. Without one: `/`.',
};

export const operationsV10 = {
  containers: {
    summary: 'One container and its samples.',
    rest: containerName,
    body: containerQueryBody,
    response: containerInfo,
  },
  machine: { summary: 'The host.', response: machineInfo, errors: {} },
} satisfies Record<string, OperationInfo>;
