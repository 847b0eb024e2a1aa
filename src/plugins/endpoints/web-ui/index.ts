import {
  type ApiRequest,
  definePlugin,
  type OperationInfo,
  PLUGIN_API_VERSION,
  z,
} from '../../../kernel/contracts/index.js';
import type { Pages } from './pages/index.js';

/** The first part of paths that is something else. */
const TAKEN = ['api', 'containers', 'host', 'static', 'metrics', 'healthz', 'validate', 'debug'];

const namespace = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]*$/, 'expected a namespace in small letters, such as docker')
  .refine((name) => !TAKEN.includes(name), {
    error: 'expected a namespace of container handlers: that path is something else',
  });

const configSchema = z.strictObject({
  namespaces: z
    .array(namespace)
    .default(['docker', 'podman', 'containerd', 'lxc', 'machined', 'systemd'])
    .describe('Namespaces of container handlers that have a list of their containers, at `/<namespace>/`.'),
});

const page = (summary: string): OperationInfo => ({
  summary,
  rest: { name: 'container', description: 'A container.' },
  response: z.string(),
  contentType: 'text/html',
  errors: { 404: 'no such container' },
});

export default definePlugin({
  kind: 'endpoint',
  name: 'web-ui',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Pages for people: containers with live numbers and charts, their processes and events, what is broken.',
  configSchema,
  create(context, { namespaces }) {
    // An agent whose pages are never opened must not pay for them.
    let loading: Promise<Pages> | undefined;
    const load = (): Promise<Pages> => {
      loading ??= import('./pages/index.js').then(({ Pages }) => new Pages(context, namespaces));
      return loading;
    };
    const lists = [...new Set(namespaces)];
    return {
      routes: {
        '/containers/': async (request) => (await load()).container(request),
        '/host/': async (request) => (await load()).host(request),
        '/static/': async (request) => (await load()).asset(request),
        ...Object.fromEntries(
          lists.map((name) => [`/${name}/`, async (request: ApiRequest) => (await load()).namespace(name, request)]),
        ),
      },
      operations: async () => ({
        '/static/': {
          summary: 'What the pages load.',
          rest: { name: 'file', description: 'A file.', required: true },
          response: z.string(),
          contentType: '*/*',
          errors: { 404: 'no such file' },
        },
        '/containers/': page('The page of all containers; that of one, by its absolute name.'),
        '/host/': page('The page of the machine.'),
        ...Object.fromEntries(
          lists.map((name) => [`/${name}/`, page(`The list of the containers of ${name}; the page of one.`)]),
        ),
      }),
    };
  },
});
