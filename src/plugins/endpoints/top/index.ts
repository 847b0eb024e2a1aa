import { COLUMNS, type ColumnName } from '../../../client/top/columns.js';
import {
  type Answer,
  type ApiRequest,
  badRequest,
  definePlugin,
  type OperationInfo,
  PLUGIN_API_VERSION,
  z,
} from '../../../kernel/contracts/index.js';
import { NO_STORE } from '../common/index.js';
import { type DetailQuery, detail, RANGE_NAMES } from './detail.js';
import { Listing, type ListQuery } from './listing.js';

export { seriesOf } from './detail.js';
export { historyOf } from './history.js';
export { Listing } from './listing.js';

async function list(listing: Listing, { query }: ApiRequest): Promise<Answer> {
  const wanted: ListQuery = {
    since: query.get('since') ?? '',
    history: idsIn(query, 'history'),
    ...(query.has('ids') && { ids: idsIn(query, 'ids') }),
    ...(query.has('others') && { others: columnsIn(query, 'others') }),
  };
  await listing.refresh();
  return { ...NO_STORE, body: (out) => listing.write(out, wanted) };
}

function listIn(query: URLSearchParams, name: string): string[] {
  return (query.get(name) ?? '').split(',').filter(Boolean);
}

function idsIn(query: URLSearchParams, name: string): number[] {
  const ids = listIn(query, name).map(Number);
  if (!ids.every(Number.isSafeInteger)) throw badRequest(`${name}: expected ids of facts, separated by commas`);
  return ids;
}

function columnsIn(query: URLSearchParams, name: string): ColumnName[] {
  return listIn(query, name).map((text) => {
    const column = COLUMNS.find((each) => each === text && each !== 'id');
    if (column === undefined) throw badRequest(`${name}: expected some of ${COLUMNS.slice(1).join(', ')}`);
    return column;
  });
}

function detailQuery(query: URLSearchParams): DetailQuery {
  const range = RANGE_NAMES.find((name) => name === (query.get('range') ?? 'live'));
  if (range === undefined) throw badRequest(`range: expected one of ${RANGE_NAMES.join(', ')}`);
  const since = Number(query.get('since') ?? '0');
  if (!Number.isFinite(since)) throw badRequest('since: expected microseconds since the epoch');
  return { range, since, seriesOnly: query.get('series') === 'true' };
}

async function operations(): Promise<Record<string, OperationInfo>> {
  const schema = await import('./schema.js');
  return {
    '/api/top': {
      summary: 'The newest numbers of all containers in a compact form.',
      query: {
        since: z.string().optional().describe('`since` of the last answer: facts that it had are left out.'),
        history: z.string().optional().describe('Ids of up to 200 facts, separated by commas: also their `history`.'),
        ids: z.string().optional().describe('Ids of up to 200 facts, separated by commas: `rows` has only theirs.'),
        others: z
          .string()
          .optional()
          .describe('With `ids`: columns, separated by commas, that `others` has of every other container.'),
      },
      response: schema.listing,
      errors: { 400: 'An id is not a number, or there is no such column.' },
    },
    '/api/top/': {
      summary: 'The last samples, processes and events of a container, which is sampled more often for 10 s.',
      rest: { name: 'container', description: 'Absolute container name.' },
      query: {
        range: z.enum(RANGE_NAMES).optional().describe('`hour` and `day`: means and peaks of minutes.'),
        since: z.coerce.number().optional().describe('Only what is newer, µs since the epoch.'),
        series: z.enum(['true', 'false']).optional().describe('`true`: without processes and `missing`.'),
      },
      response: schema.detail,
      errors: { 400: 'An option is not understood.', 404: 'There is no such container.' },
    },
  };
}

export default definePlugin({
  kind: 'endpoint',
  name: 'top',
  apiVersion: PLUGIN_API_VERSION,
  description: 'The newest numbers of all containers in a compact form, for `tallyman top` and pages.',
  create: ({ agent, clock }) => {
    const listing = new Listing(agent, clock);
    return {
      routes: {
        '/api/top': (request) => list(listing, request),
        '/api/top/': ({ containerName, query }) => detail(agent, containerName, detailQuery(query)),
      },
      operations,
    };
  },
});
