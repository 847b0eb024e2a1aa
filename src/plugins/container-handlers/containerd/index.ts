import { definePlugin, glob, PLUGIN_API_VERSION, type PluginContext, z } from '../../../kernel/contracts/index.js';
import {
  connectionOptions,
  EngineHandler,
  type HandlerKind,
  publishingOptions,
  unixEndpoint,
} from '../common/index.js';
import { ContainerdDaemon } from './daemon.js';
import { diagnose } from './diagnosis.js';

const DEFAULT_SOCKET = '/run/containerd/containerd.sock';

const containerdOptions = z.strictObject({
  endpoint: unixEndpoint()
    .prefault(`unix://${DEFAULT_SOCKET}`)
    .describe('Address of containerd: `unix:///path`. That of the default need not be there.'),
  namespaces: z
    .array(glob())
    .prefault([])
    .describe(
      'Namespaces whose containers are named (globs); an empty list names those of all. `moby` is left to the plugin `docker` and `k8s.io` to the plugin `cri` while those run.',
    ),
  ...connectionOptions,
  ...publishingOptions,
});

type ContainerdOptions = z.output<typeof containerdOptions>;

/** Namespaces of other runtimes that use containerd, and the plugins that know their containers better. */
const OWNERS: Readonly<Record<string, string>> = { moby: 'docker', 'k8s.io': 'cri' };

function watcher({ agent }: PluginContext, { namespaces }: ContainerdOptions): (namespace: string) => boolean {
  const runs = (plugin: string) =>
    agent.plugins().some(({ name, state }) => name === plugin && state !== 'failed' && state !== 'stopped');
  return (namespace) => {
    const owner = OWNERS[namespace];
    if (namespaces.length > 0 && !namespaces.some((pattern) => pattern.test(namespace))) return false;
    return owner === undefined || !runs(owner);
  };
}

function create(context: PluginContext, options: ContainerdOptions): EngineHandler {
  const { id, linux } = context;
  const optional = options.endpoint === DEFAULT_SOCKET;
  const rules = { ...options, namespace: 'containerd' };
  const watches = watcher(context, options);
  const daemon = new ContainerdDaemon(context, { ...rules, socket: options.endpoint, optional, watches });
  const kind: HandlerKind = {
    paths: daemon,
    engines: [daemon],
    diagnose: (reports) =>
      reports.flatMap((report) => diagnose(report, daemon, { plugin: id, root: linux.paths.root, optional })),
  };
  return new EngineHandler(kind, rules, context);
}

export default definePlugin({
  kind: 'container-handler',
  name: 'containerd',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Names, labels, images and states of containers of containerd, as ctr and nerdctl start them.',
  configSchema: containerdOptions,
  create,
});
