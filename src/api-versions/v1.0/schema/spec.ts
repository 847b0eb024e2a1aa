import { z } from '../../../kernel/contracts/index.js';
import { i64, optionalNumbers, time, u64 } from './numbers.js';
import { containerStats } from './sample.js';

const texts = z.record(z.string(), z.string());

const customMetricSpec = z
  .strictObject({ name: z.string(), type: z.string(), format: z.string(), units: z.string() })
  .meta({ id: 'CustomMetricSpec', description: 'A metric of the application itself.' });

/** What the specs of v1 and v2 have. */
export const specShape = {
  creation_time: time,
  start_time: time,
  labels: texts.optional(),
  envs: texts.optional(),
  has_cpu: z.boolean(),
  cpu: z.strictObject({
    limit: u64.describe('CPU shares'),
    max_limit: u64,
    mask: z.string().optional(),
    ...optionalNumbers(['quota', 'period']),
  }),
  has_memory: z.boolean(),
  memory: z.strictObject(optionalNumbers(['limit', 'reservation', 'swap_limit'])).describe('bytes'),
  has_hugetlb: z.boolean(),
  has_network: z.boolean(),
  has_processes: z.boolean(),
  processes: z.strictObject(optionalNumbers(['limit'])),
  has_filesystem: z.boolean(),
  has_diskio: z.boolean(),
  has_custom_metrics: z.boolean(),
  custom_metrics: z.array(customMetricSpec).optional(),
  image: z.string().optional(),
};

export const containerSpec = z
  .strictObject(specShape)
  .meta({ id: 'ContainerSpec', description: 'What a container is, and its limits.' });

export const containerInfo = z
  .strictObject({
    id: z.string().optional(),
    name: z.string(),
    aliases: z.array(z.string()).optional(),
    namespace: z.string().optional(),
    subcontainers: z.array(z.strictObject({ name: z.string() })).optional(),
    spec: containerSpec,
    stats: z.array(containerStats).optional(),
  })
  .meta({ id: 'ContainerInfo', description: 'A container, its limits, and its samples, oldest first.' });

export const containerQueryBody = z
  .object({
    num_stats: i64.min(-1).nullish().describe('The newest N samples, 60 by default; −1: all, 0: none.'),
    start: time.nullish(),
    end: time.nullish(),
  })
  .meta({ id: 'ContainerQuery' });
