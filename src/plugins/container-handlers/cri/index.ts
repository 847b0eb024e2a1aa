import {
  type ContainerHandler,
  definePlugin,
  type Identification,
  PLUGIN_API_VERSION,
  type PluginContext,
} from '../../../kernel/contracts/index.js';
import { EngineHandler, type HandlerKind } from '../common/index.js';
import { criPaths, isPodId } from './cgroup-path.js';
import { diagnose } from './diagnosis.js';
import { type CriRules, criOptions } from './options.js';
import { CriRuntime } from './runtime.js';

/** Handler of pods and their containers, whatever runtime runs them. */
class CriHandler extends EngineHandler implements ContainerHandler {
  private readonly engine: CriRuntime;

  constructor(options: CriRules, context: PluginContext) {
    const engine = new CriRuntime(context, options);
    const kind: HandlerKind = {
      paths: criPaths,
      engines: [engine],
      diagnose: (reports) => diagnose(reports, context, options.endpoint),
    };
    super(kind, options, context);
    this.engine = engine;
  }

  override identify(path: string): Identification {
    const match = criPaths.match(path);
    const isContainer = typeof match === 'object' && !isPodId(match.id);
    return isContainer && this.isDockers() ? { verdict: 'pass' } : super.identify(path);
  }

  forget(path: string): void {
    const match = criPaths.match(path);
    if (typeof match === 'object') this.engine.ended(match.id);
  }

  /** Containers of cri-dockerd are left to the `docker` handler, which knows more of them, but not their pods. */
  private isDockers(): boolean {
    return this.runtime()?.name === 'docker' && this.context.agent.runtimes().some(({ name }) => name === 'docker');
  }
}

export default definePlugin({
  kind: 'container-handler',
  name: 'cri',
  apiVersion: PLUGIN_API_VERSION,
  description:
    'Names, labels, images and states of Kubernetes pods and their containers: containerd, CRI-O, cri-dockerd.',
  configSchema: criOptions,
  create: (context, options) => new CriHandler({ ...options, namespace: 'cri' }, context),
});
