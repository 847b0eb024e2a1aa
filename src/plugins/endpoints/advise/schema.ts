import { z } from '../../../kernel/contracts/index.js';

const bytes = z.int().min(0);
const cpus = z.number().min(0);
const container = z.strictObject({ name: z.string(), aliases: z.array(z.string()) });

const advice = z
  .strictObject({
    container,
    data: z.strictObject({
      minutes: z.int().min(0).describe('Minutes with data, of the last 1,440.'),
      text: z.string(),
      confidence: z.enum(['low', 'medium', 'high']).describe('From 6 h on medium, from 23 h on high.'),
    }),
    used: z.strictObject({
      cpu: z.strictObject({ p50_cpus: cpus, p95_cpus: cpus, max_cpus: cpus, throttled_share: z.number() }),
      memory: z.strictObject({
        p50_bytes: bytes,
        p95_bytes: bytes,
        max_bytes: bytes,
        cache_bytes: bytes.describe('Page cache now: given back when memory is needed.'),
        oom_kills: z.int().min(0),
      }),
    }),
    now: z.strictObject({ cpu_limit: cpus.nullable(), memory_limit_bytes: bytes.nullable() }),
    advice: z.strictObject({
      cpu_request: cpus,
      cpu_limit: cpus,
      memory_request_bytes: bytes,
      memory_limit_bytes: bytes,
      margin: z.strictObject({ request: z.number(), limit: z.number() }),
    }),
    savings: z.array(z.string()),
    risks: z.array(z.string()),
    lines: z.array(z.strictObject({ tool: z.string(), line: z.string() })),
  })
  .meta({ id: 'Advice', description: 'Limits and requests for a container, from what it used.' });

/** What is said of a container with enough data. */
export type Advice = z.output<typeof advice>;

const none = z
  .strictObject({ container, reason: z.string() })
  .meta({ id: 'NoAdvice', description: 'A container about which there is not enough data.' });

/** The answer of `/api/advise`. */
export const hostAdvice = z.strictObject({ containers: z.array(advice), without_advice: z.array(none) });

/** The answer of `/api/advise/CONTAINER`. */
export const containerAdvice = z.union([advice, none]);
