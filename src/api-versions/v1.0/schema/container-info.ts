import { z } from '../../../kernel/contracts/index.js';
import { i64, time } from './numbers.js';
import { containerStats } from './sample.js';
import { containerSpec } from './spec.js';

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
