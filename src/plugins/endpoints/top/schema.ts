import { z } from '../../../kernel/contracts/index.js';
import { COLUMNS } from './listing.js';
import { MEASURES } from './measure.js';

const micros = z.int().min(0).describe('µs since the epoch');
const count = z.int().min(0);

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
    facts: z.array(facts).describe('Those that the client with this `since` does not have yet.'),
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

const numbers = z.array(z.number().nullable());

/** The answer of `/api/top/<path>`. */
export const detail = z
  .strictObject({
    times: z.array(micros),
    ...(Object.fromEntries(MEASURES.map((measure) => [measure, numbers])) as Record<
      (typeof MEASURES)[number],
      typeof numbers
    >),
    processes: z.array(process),
    process_count: count,
    events: z.array(z.strictObject({ time: micros, type: z.string(), text: z.string() })),
    missing: z.array(z.strictObject({ what: z.string(), reason: z.string() })),
  })
  .meta({ id: 'TopDetail', description: 'The last samples, processes and events of a container.' });
