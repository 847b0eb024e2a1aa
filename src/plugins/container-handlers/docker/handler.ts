import type { ContainerHandler, EngineReport, PluginContext } from '../../../kernel/contracts/index.js';
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
  const { id, linux } = context;
  const rules = { ...options, namespace };
  const engines = options.endpoint.map((endpoint) => new DockerDaemon(context, { ...options, endpoint, rules }));
  const diagnoseAll = (reports: readonly EngineReport[]) =>
    diagnose(reports, { plugin: id, root: linux.paths.root, defaultEndpoint });
  return new EngineHandler({ namespace, paths, engines, diagnose: diagnoseAll }, options, context);
}
