import { appMetricsModule } from './app-metrics/module.js';
import { budgetModule } from './budget/module.js';
import { capsulesModule } from './capsules/module.js';
import type { Module } from './composition/index.js';
import { configModule } from './config/module.js';
import { containersModule } from './containers/module.js';
import { deliveryModule } from './delivery/module.js';
import { diagnosisModule } from './diagnosis/module.js';
import { discoveryModule } from './discovery/module.js';
import { doctorModule } from './doctor/module.js';
import { eventsModule } from './events/module.js';
import { housekeepingModule } from './housekeeping/module.js';
import { httpModule } from './http/module.js';
import { linuxModule } from './linux/module.js';
import { logModule } from './log/module.js';
import { machineModule } from './machine/module.js';
import { operationsModule } from './operations/module.js';
import { pluginsModule } from './plugins/module.js';
import { recorderModule } from './recorder/module.js';
import { reloadModule } from './reload/module.js';
import { retentionModule } from './retention/module.js';
import { supervisionModule } from './supervision/module.js';
import { timingModule } from './timing/module.js';
import { viewModule } from './view/module.js';

/** The rooms of the agent, in any order: their dependencies determine the start order. */
export const ROOMS: readonly Module[] = [
  logModule,
  timingModule,
  configModule,
  linuxModule,
  supervisionModule,
  machineModule,
  containersModule,
  housekeepingModule,
  retentionModule,
  eventsModule,
  budgetModule,
  doctorModule,
  appMetricsModule,
  reloadModule,
  diagnosisModule,
  capsulesModule,
  viewModule,
  deliveryModule,
  recorderModule,
  pluginsModule,
  discoveryModule,
  httpModule,
  operationsModule,
];

/** The rooms of a replay. The capsule provides what the other rooms would. */
export const REPLAY_ROOMS: readonly Module[] = [
  logModule,
  timingModule,
  configModule,
  supervisionModule,
  deliveryModule,
  pluginsModule,
  httpModule,
];
