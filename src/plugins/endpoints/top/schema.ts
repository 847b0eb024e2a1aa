import { COLUMNS, DETAIL_MEASURES } from '../../../client/top/columns.js';
import { z } from '../../../kernel/contracts/index.js';

const micros = z.int().min(0).describe('µs since the epoch');
const count = z.int().min(0);
const numbers = z.array(z.number().nullable());

const facts = z
  .strictObject({
    id: count,
    path: z.string().describe('Absolute cgroup path.'),
    name: z.string().describe('Name at its runtime; the path without one.'),
    runtime: z.string().optional(),
    container_id: z.string().optional(),
    image: z.string().optional(),
    state: z.enum(['created', 'running', 'paused', 'restarting', 'exited', 'dead']),
    health: z.enum(['starting', 'healthy', 'unhealthy']).optional(),
    exit_code: z.int().optional(),
    exit_reason: z.string().optional(),
    oom_killed: z.boolean().optional(),
    restarts: count.optional(),
    started_at: micros.optional(),
    finished_at: micros.optional(),
    project: z.string().optional().describe('Compose project.'),
    pod: z.string().optional().describe('Namespace and name of its Kubernetes pod.'),
    labels: z.record(z.string(), z.string()),
  })
  .meta({ id: 'TopFacts', description: 'What a container is, as far as it changes rarely.' });

/** The answer of `/api/top`. */
export const listing = z
  .strictObject({
    version: z.string().describe('Version of the agent.'),
    time: micros,
    host: z.strictObject({ cores: count, memory: count.describe('bytes') }),
    since: z.string().describe('Value of `since` in the next request.'),
    columns: z.array(z.enum(COLUMNS)).describe('What the members of a row are.'),
    rows: z.array(z.array(z.number().nullable())).describe('One per container; `id` is that of its facts.'),
    others: z
      .strictObject({ columns: z.array(z.enum(COLUMNS)), rows: z.array(z.array(z.number().nullable())) })
      .nullable()
      .optional()
      .describe('With `ids`: the containers that have no row above; null when `others` was not asked for.'),
    facts: z.array(facts).describe('Those that the client with this `since` does not have yet.'),
    history: z
      .record(z.string(), z.strictObject({ cpu: numbers, memory: numbers }))
      .optional()
      .describe('By id: the last two minutes in 30 steps.'),
  })
  .meta({ id: 'Top', description: 'The newest numbers of all containers.' });

const process = z.strictObject({
  pid: count,
  parent_pid: z.int(),
  user: z.string(),
  cmd: z.string(),
  status: z.string(),
  percent_cpu: z.number(),
  rss: count.describe('bytes'),
  running_time: z.string(),
});

const event = z.strictObject({ time: micros, type: z.string(), text: z.string() });
const appMetric = z.strictObject({
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  unit: z.string(),
  cumulative: z.boolean().describe('Whether it only grows.'),
  times: z.array(micros),
  values: numbers,
});

const live = z.strictObject({
  times: z.array(micros),
  ...(Object.fromEntries(DETAIL_MEASURES.map((measure) => [measure, numbers])) as Record<
    (typeof DETAIL_MEASURES)[number],
    typeof numbers
  >),
  interval_ms: z.number().nullable().describe('Time between two samples while it is asked for; null: not sampled.'),
  processes: z.array(process).optional(),
  process_count: count.nullable().describe('With cgroups below; null for the machine without `processes`.'),
  events: z.array(event),
  app_metrics: z.array(appMetric).describe('The first 24 series of its application.'),
  missing: z.array(z.strictObject({ what: z.string(), reason: z.string() })).optional(),
});

const minutes = z.strictObject({
  times: z.array(micros).describe('End of each minute.'),
  cpu: numbers.describe('Mean, cores.'),
  cpu_max: numbers,
  memory: numbers.describe('Mean of the working set, bytes.'),
  memory_max: numbers,
  events: z.array(event),
});

/** The answer of `/api/top/<path>`. */
export const detail = z
  .union([live, minutes])
  .meta({ id: 'TopDetail', description: 'The last samples of a container, or its minutes; its processes and events.' });
