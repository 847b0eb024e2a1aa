import { definePlugin, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { EngineHandler, type HandlerKind, type PathPattern } from '../common/index.js';
import { DockerDaemon } from './daemon.js';
import { diagnose } from './diagnosis.js';
import { engineOptions } from './options.js';

/** How Docker-compatible engines differ. */
export interface EngineKind {
  /** Name of the plugin and namespace of its aliases: `docker`, `podman`. */
  readonly name: string;
  readonly description: string;
  readonly paths: PathPattern;
  /** Where it listens by default. */
  readonly defaultEndpoint: string;
}

/** The plugin for the containers of one kind of Docker-compatible engine. */
export function enginePlugin({ name, description, paths, defaultEndpoint }: EngineKind) {
  return definePlugin({
    kind: 'container-handler',
    name,
    apiVersion: PLUGIN_API_VERSION,
    description,
    configSchema: engineOptions(defaultEndpoint),
    create(context, options) {
      const origin = { plugin: context.id, root: context.linux.paths.root, defaultEndpoint };
      const rules = { ...options, namespace: name };
      const kind: HandlerKind = {
        paths,
        engines: options.endpoint.map((endpoint) => new DockerDaemon(context, { ...rules, endpoint })),
        diagnose: (reports) => diagnose(reports, origin),
      };
      return new EngineHandler(kind, rules, context);
    },
  });
}
