import { badRequest, notFound, z } from 'tallyman/plugin';
import { limitsOf, usageOf } from './usage.js';

const ORDERS = ['cpu', 'memory', 'name'];
const MOST = 1_000;

/** One container of the answer. */
const row = z.strictObject({
  name: z.string(),
  aliases: z.array(z.string()),
  namespace: z.string().nullable(),
  image: z.string().nullable(),
  state: z.string(),
  cores: z.number().nullable(),
  cores_limit: z.number().nullable(),
  memory: z.number().nullable(),
  memory_limit: z.number().nullable(),
  missing: z.array(z.strictObject({ what: z.string(), reason: z.string() })),
});

/** @type {import('tallyman/plugin').OperationInfo} */
export const overviewInfo = {
  summary: 'What every container uses now: CPUs, bytes of memory, their limits, and what is not known and why.',
  rest: { name: 'container', description: 'Only this cgroup and what is below it.' },
  query: {
    sort: z.enum(ORDERS).default('cpu').describe('The largest user first, or by name.'),
    namespace: z.string().optional().describe('Only containers of a runtime: `docker`, `podman`, …'),
    limit: z.int().min(1).max(MOST).default(MOST).describe('So many at most.'),
  },
  response: z.strictObject({ total: z.int(), containers: z.array(row) }),
};

/**
 * @param {import('tallyman/plugin').AgentView} agent
 * @returns {import('tallyman/plugin').RequestHandler}
 */
export function overview(agent) {
  return (request) => {
    const { sort, namespace, limit } = parse(request.query);
    const below = agent.containersBelow(request.containerName);
    if (below.length === 0) throw notFound(`unknown container ${JSON.stringify(request.containerName)}`);
    const chosen = below.filter(({ description }) => namespace === null || description.namespace === namespace);
    const rows = chosen.map((container) => ({ container, usage: usageOf(container) }));
    const key = sort === 'memory' ? 'memory' : 'cores';
    if (sort !== 'name') rows.sort((a, b) => (b.usage[key] ?? -1) - (a.usage[key] ?? -1));
    return {
      // A generator: after each container the agent may send what is there, and answer others.
      *body(out) {
        out.ascii(`{"total":${rows.length},"containers":[`);
        for (const [index, each] of rows.slice(0, limit).entries()) {
          if (index > 0) out.ascii(',');
          out.json(rowOf(each));
          yield;
        }
        out.ascii(']}');
      },
    };
  };
}

/** @param {URLSearchParams} query */
function parse(query) {
  const sort = query.get('sort') || 'cpu';
  if (!ORDERS.includes(sort)) throw badRequest(`unknown 'sort' ${JSON.stringify(sort)}: expected ${ORDERS.join(', ')}`);
  const limit = query.get('limit') || String(MOST);
  if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > MOST) {
    throw badRequest(`invalid 'limit' ${JSON.stringify(limit)}: expected a number from 1 to ${MOST}`);
  }
  return { sort, limit: Number(limit), namespace: query.get('namespace') || null };
}

/**
 * @param {{
 *   container: import('tallyman/plugin').ContainerView,
 *   usage: import('./usage.js').Usage,
 * }} row
 * @returns {z.output<typeof row>}
 */
function rowOf({ container, usage }) {
  const { name, description, missing } = container;
  const limits = limitsOf(container);
  const { aliases, namespace = null, image = null, state } = description;
  return {
    name,
    aliases: [...aliases],
    namespace,
    image,
    state: state.status,
    cores: usage.cores,
    cores_limit: limits.cores,
    memory: usage.memory,
    memory_limit: limits.memory,
    missing: missing.map(({ what, reason }) => ({ what, reason })),
  };
}
