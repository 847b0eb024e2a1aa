import {
  type AgentView,
  type Answer,
  type ApiRequest,
  badRequest,
  type ContainerView,
  definePlugin,
  type SampleCursor,
  z,
} from 'tallyman/plugin';

/** Bytes in use at the latest sample; 0 when unknown. */
function memoryOf(container: ContainerView): number {
  const window = container.samples({ count: 1 });
  if (window.length === 0) return 0;
  const { layout, values, base } = window.at(0, {} as SampleCursor);
  const column = layout.indexOf('memory.usage');
  const value = column < 0 ? undefined : values[base + column];
  return value === undefined || Number.isNaN(value) ? 0 : value;
}

function countOf({ query }: ApiRequest, standard: number): number {
  const text = query.get('count');
  if (text === null) return standard;
  if (!/^\d{1,6}$/.test(text)) throw badRequest(`count is a number, not ${JSON.stringify(text)}`);
  return Number(text);
}

/** The containers with the most memory, one a line. */
function answer(agent: AgentView, count: number): Answer {
  const lines = agent
    .containers()
    .filter(({ name }) => name !== '/')
    .map((container) => ({ name: container.description.aliases[0] ?? container.name, memory: memoryOf(container) }))
    .sort((a, b) => b.memory - a.memory)
    .slice(0, count);
  return {
    contentType: 'text/plain; charset=utf-8',
    body: (out) => {
      for (const { name, memory } of lines) out.text(`${memory} ${name}\n`);
    },
  };
}

export default definePlugin({
  kind: 'endpoint',
  name: 'template-name',
  apiVersion: 1,
  version: '0.1.0',
  description: 'The containers with the most memory, as text.',
  configSchema: z.strictObject({
    path: z.string().startsWith('/').default('/template-name').describe('Where it answers.'),
    count: z.int().min(1).default(10).describe('How many containers it shows, unless the request says otherwise.'),
  }),
  create: ({ agent }, { path, count }) => ({
    routes: { [path]: (request) => answer(agent, countOf(request, count)) },
    operations: async () => ({
      [path]: {
        summary: 'The containers with the most memory, one a line: bytes and name.',
        query: { count: z.int().min(0).optional().describe('How many.') },
        response: z.string(),
        contentType: 'text/plain; charset=utf-8',
        errors: { 400: '`count` is not a number' },
      },
    }),
  }),
});
