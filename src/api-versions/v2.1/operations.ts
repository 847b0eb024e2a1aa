import { type OperationInfo, z } from '../../kernel/contracts/index.js';
import { byContainer, containersOperation, hostOperation, operationsV20 } from '../v2.0/operations.js';
import { containerInfoV21, machineStats } from './schema.js';

export const operationsV21: Readonly<Record<string, OperationInfo>> = {
  ...operationsV20,
  stats: containersOperation(
    'What containers are, and their newest samples; the host itself is left out.',
    byContainer(containerInfoV21),
  ),
  machinestats: {
    ...hostOperation('The newest samples of the host; null for `count=0`.', z.array(machineStats).nullable()),
    errors: { 400: 'the request is wrong', 404: 'the host is not sampled, or `type` finds nothing' },
  },
};
