import { z } from '../../kernel/contracts/index.js';
import { i64, time } from '../v1.0/schema/index.js';

export const eventSchema = z
  .strictObject({
    container_name: z.string(),
    timestamp: time,
    event_type: z.enum(['oom', 'oomKill', 'containerCreation', 'containerDeletion']),
    event_data: z.strictObject({
      oom: z.strictObject({ pid: i64, process_name: z.string(), constraint: z.string().optional() }).optional(),
      container_deletion: z.strictObject({ exit_code: i64 }).optional(),
    }),
  })
  .meta({ id: 'Event', description: 'Something that happened to a container.' });
