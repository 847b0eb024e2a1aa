import type { Rule } from '../../../../kernel/contracts/index.js';
import { cpuThrottled, cpuWaiting } from './cpu.js';
import { diskFilling, diskSaturated, ioWaiting } from './disk.js';
import { agentPlugins, agentSampling, noLimit } from './host.js';
import { memoryNearLimit, memoryReclaim, oomKilled } from './memory.js';
import { listenOverflows, networkErrors, tcpRetransmits, udpDrops } from './network.js';
import { descriptorsNearLimit, pidsNearLimit } from './processes.js';
import { exitCode, restartLoop, unhealthy } from './state.js';

export const RULES: readonly Rule[] = [
  oomKilled,
  memoryReclaim,
  memoryNearLimit,
  cpuThrottled,
  cpuWaiting,
  noLimit,
  ioWaiting,
  diskSaturated,
  diskFilling,
  networkErrors,
  tcpRetransmits,
  listenOverflows,
  udpDrops,
  pidsNearLimit,
  descriptorsNearLimit,
  restartLoop,
  unhealthy,
  exitCode,
  agentSampling,
  agentPlugins,
];
