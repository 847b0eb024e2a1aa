import {
  type Answer,
  type ApiRequest,
  definePlugin,
  type OperationInfo,
  PLUGIN_API_VERSION,
  type PluginContext,
  z,
} from '../../../kernel/contracts/index.js';
import { detail } from './detail.js';
import { COLUMNS, Listing } from './listing.js';

async function list(
  { agent, clock }: Pick<PluginContext, 'agent' | 'clock'>,
  listing: Listing,
  { query }: ApiRequest,
): Promise<Answer> {
  const [instance, fact = '0'] = query.get('since')?.split('.') ?? [];
  const known = instance === listing.instance && /^\d{1,15}$/.test(fact) ? Number(fact) : 0;
  await listing.refresh();
  return {
    headers: { 'Cache-Control': 'no-store' },
    body: (out) => {
      const { num_cores: cores, memory_capacity: memory } = agent.host.machine();
      const head = {
        version: agent.version,
        time: clock.now(),
        host: { cores, memory },
        since: `${listing.instance}.${listing.lastFact}`,
        columns: COLUMNS,
      };
      out.ascii(JSON.stringify(head).slice(0, -1));
      out.ascii(',"rows":');
      out.bytes(listing.rows());
      out.ascii(',"facts":');
      out.json(listing.facts.filter(({ id }) => id > known));
      out.ascii('}');
    },
  };
}

async function operations(): Promise<Record<string, OperationInfo>> {
  const schema = await import('./schema.js');
  const since = z.string().optional().describe('`since` of the last answer: facts that it had are left out.');
  return {
    '/api/top': {
      summary: 'The newest numbers of all containers in a compact form.',
      query: { since },
      response: schema.listing,
      errors: {},
    },
    '/api/top/': {
      summary: 'The last samples, processes and events of a container.',
      rest: { name: 'container', description: 'Absolute container name.' },
      response: schema.detail,
      errors: { 404: 'There is no such container.' },
    },
  };
}

export default definePlugin({
  kind: 'endpoint',
  name: 'top',
  apiVersion: PLUGIN_API_VERSION,
  description: 'The newest numbers of all containers in a compact form, for `tallyman top` and pages.',
  configSchema: z.strictObject({}),
  create: (context) => {
    const { agent, clock } = context;
    const listing = new Listing(agent, clock);
    return {
      routes: {
        '/api/top': (request) => list(context, listing, request),
        '/api/top/': ({ containerName }) => detail(agent, containerName),
      },
      operations,
    };
  },
});
