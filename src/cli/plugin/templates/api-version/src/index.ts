import {
  type AgentView,
  type Answer,
  type ApiRequest,
  type ContainerView,
  containerNamed,
  definePlugin,
  type SampleCursor,
  z,
} from 'tallyman/plugin';

/** The routes are below `/api/v1.0-template-name/`. */
const VERSION = 'v1.0-template-name';

const container = z.object({
  name: z.string().describe('Path of the cgroup; `/` is the machine.'),
  aliases: z.array(z.string()).describe('Other names.'),
  memory: z.number().nullable().describe('Bytes in use at the latest sample; null when unknown.'),
});

type ContainerJson = z.infer<typeof container>;

function containerJson(view: ContainerView): ContainerJson {
  return { name: view.name, aliases: [...view.description.aliases], memory: latest(view, 'memory.usage') };
}

/** The value of a field without dimensions in the latest sample; null when there is none. */
function latest(view: ContainerView, field: string): number | null {
  const window = view.samples({ count: 1 });
  if (window.length === 0) return null;
  const { layout, values, base } = window.at(0, {} as SampleCursor);
  const value = values[base + layout.indexOf(field)];
  return layout.indexOf(field) < 0 || value === undefined || Number.isNaN(value) ? null : value;
}

const json = (value: unknown): Answer => ({ body: (out) => out.json(value) });

/** `/api/v1.0-template-name/containers`: all of them. */
function containers(agent: AgentView): Answer {
  return json(agent.containers().map(containerJson));
}

/** `/api/v1.0-template-name/container/system.slice/cron.service`: one of them. */
function oneContainer(agent: AgentView, { containerName }: ApiRequest): Answer {
  return json(containerJson(containerNamed(agent, containerName)));
}

export default definePlugin({
  kind: 'api-version',
  name: 'template-name',
  apiVersion: 1,
  version: '0.1.0',
  description: 'Containers with their memory, in few words.',
  create: ({ agent }) => ({
    version: VERSION,
    requestTypes: {
      containers: () => containers(agent),
      container: (request) => oneContainer(agent, request),
    },
    operations: async () => ({
      containers: { summary: 'All containers.', response: z.array(container) },
      container: {
        summary: 'One container.',
        rest: { name: 'container', description: 'Path of the cgroup.' },
        response: container,
      },
    }),
  }),
});
