import { type OperationInfo, z } from '../../kernel/contracts/index.js';
import { containerName } from '../v1.0/operations.js';
import { i64, time } from '../v1.0/schema/index.js';
import { operationsV12 } from '../v1.2/operations.js';

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

const flag = z.enum(['true', 'false']).default('false');

export const eventsOperation = {
  summary:
    'What happened to a container, oldest first; with `stream=true` what happens from now on, one event a line, without end.',
  rest: containerName,
  query: {
    stream: flag.describe('Events as they happen, without `Content-Type`.'),
    subcontainers: flag.describe('Also those of containers below.'),
    all_events: flag.describe('Events of all types.'),
    oom_events: flag,
    oom_kill_events: flag,
    creation_events: flag,
    deletion_events: flag,
    max_events: z.int().min(-1).default(10).describe('The newest N; −1: all.'),
    start_time: time.optional(),
    end_time: time.optional(),
  },
  response: z.array(eventSchema),
  errors: { 400: 'the request is wrong' },
} satisfies OperationInfo;

export const operationsV13 = { ...operationsV12, events: eventsOperation } satisfies Record<string, OperationInfo>;
