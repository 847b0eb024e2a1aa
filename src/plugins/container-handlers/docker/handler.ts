import type { ContainerHandler, PluginContext } from '../../../kernel/contracts/index.js';
import { EngineHandler, type PathPattern } from '../common/index.js';
import { DockerDaemon } from './daemon.js';
import { diagnose } from './diagnosis.js';
import type { EngineOptions } from './options.js';

/** How Docker-compatible engines differ. */
export interface EngineKind {
  /** Namespace of its aliases: `docker`, `podman`. */
  readonly namespace: string;
  readonly paths: PathPattern;
  /** Where it listens by default. */
  readonly defaultEndpoint: string;
}

/** Handler of the containers of one kind of Docker-compatible engine. */
export function dockerHandler(kind: EngineKind, options: EngineOptions, context: PluginContext): ContainerHandler {
  const { namespace, paths, defaultEndpoint } = kind;
  const { id, clock, timers, logger, linux } = context;
  return new EngineHandler(
    {
      namespace,
      paths,
      engines: (listener) =>
        options.endpoint.map((endpoint) =>
          new DockerDaemon({
            ...options,
            endpoint,
            rules: { ...options, namespace },
            clock,
            timers,
            logger,
            mountinfo: (pid) => linux.procText(`${pid}/mountinfo`),
            onRoot: (directory) => linux.labelFilesystem(`${namespace}-images`, directory),
          }).attach(listener),
        ),
      diagnose: (reports) => diagnose(reports, { plugin: id, root: linux.paths.root, defaultEndpoint }),
    },
    options,
    context,
  );
}
