import type { z } from 'zod';
import type { containerInfo, machineInfo } from '../api-versions/v1.0/schema/index.js';
import type { eventSchema } from '../api-versions/v1.3/operations.js';
import type {
  appMetrics,
  attributes,
  containerSpecV2,
  derivedStats,
  flatSampleSchema,
  fsInfo,
  processInfo,
} from '../api-versions/v2.0/schema.js';
import type { containerInfoV21, machineStats } from '../api-versions/v2.1/schema.js';

// Numbers are doubles: counters above 2^53 are rounded.
export type MachineInfo = z.output<typeof machineInfo>;
export type ContainerInfo = z.output<typeof containerInfo>;
export type Event = z.output<typeof eventSchema>;
export type EventType = Event['event_type'];
export type Attributes = z.output<typeof attributes>;
export type ContainerSpecV2 = z.output<typeof containerSpecV2>;
export type ContainerStatsV20 = z.output<typeof flatSampleSchema>;
export type DerivedStats = z.output<typeof derivedStats>;
export type ProcessInfo = z.output<typeof processInfo>;
export type FsInfo = z.output<typeof fsInfo>;
export type AppMetrics = z.output<typeof appMetrics>;
export type ContainerInfoV21 = z.output<typeof containerInfoV21>;
export type MachineStats = z.output<typeof machineStats>;

/** Values by absolute container name. */
export type ByContainer<T> = Readonly<Record<string, T>>;
