import { z } from '../../../kernel/contracts/index.js';

const time = z.iso.datetime();
const count = z.int().min(0);
const milliseconds = z.number().min(0);

const blocked = z
  .strictObject({
    count,
    total_ms: milliseconds,
    longest_ms: milliseconds,
    last_ms: milliseconds,
    last_in: z.string().describe('`sample`, `timer` or a request.'),
    last_at: time,
  })
  .describe('Calls that blocked the agent for half a second or more; absent while there were none.');

const deliveries = z
  .strictObject({
    interval_ms: milliseconds.describe('How often new samples are taken now.'),
    stretch: count.describe(
      '`interval_ms` as a multiple of the option `interval`; more than 1 to keep within the budget.',
    ),
    failure: z.string().optional().describe('Why the last request failed.'),
    queue: z.strictObject({
      points: count,
      batches: count,
      bytes: count,
      max_bytes: count,
      oldest: time.optional(),
      directory: z.string().optional(),
      disk_error: z.string().optional(),
    }),
    sent: z.strictObject({ batches: count, points: count, bytes: count }),
    dropped: z.record(z.string(), count).describe('Points by reason.'),
    retries: count,
    requests: count,
    request_ms: milliseconds,
    last_sent_at: time.optional(),
  })
  .describe('How the deliveries of a sink go.');

const plugin = z
  .strictObject({
    id: z.string(),
    kind: z.string().optional().describe('Absent when it could not be loaded.'),
    name: z.string(),
    version: z.string(),
    source: z.string().describe('Name of a built-in plugin, a package or a path.'),
    state: z.enum(['loading', 'starting', 'running', 'open', 'failed', 'retrying', 'stopped']),
    up: z.boolean(),
    errors: count.describe('Since the start of the agent.'),
    last_error: z.string().optional(),
    last_error_at: time.optional(),
    last_success_at: time.optional(),
    calls: count,
    busy_ms: milliseconds,
    blocked: blocked.optional(),
    isolation: z
      .strictObject({ pid: count.optional(), restarts: count, memory_bytes: count })
      .optional()
      .describe('Its own process.'),
    sink: deliveries.optional(),
  })
  .meta({ id: 'Plugin', description: 'A plugin, its faults and its cost.' });

export const plugins = z.array(plugin);
