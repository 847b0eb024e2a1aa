import {
  type ContainerHandler,
  definePlugin,
  type Finding,
  type Identification,
  PLUGIN_API_VERSION,
  type PluginContext,
} from '../../../kernel/contracts/index.js';
import { EngineHandler, type EngineListener } from '../common/index.js';
import { criPaths, isPodId } from './cgroup-path.js';
import { diagnose } from './diagnosis.js';
import { type CriOptions, criOptions } from './options.js';
import { CriRuntime } from './runtime.js';

/** Handler of pods and their containers, whatever runtime runs them. */
class CriHandler extends EngineHandler implements ContainerHandler {
  private readonly runtimes: CriRuntime[];

  constructor(options: CriOptions, context: PluginContext) {
    const { clock, timers, logger, linux } = context;
    const runtimes: CriRuntime[] = [];
    const kind = {
      namespace: 'cri',
      paths: criPaths,
      engines: (listener: EngineListener) => {
        const rules = { ...options, namespace: 'cri' };
        const mountinfo = (pid: number) => linux.procText(`${pid}/mountinfo`);
        const { endpoint: sockets } = options;
        runtimes.push(
          new CriRuntime({ ...options, sockets, rules, clock, timers, logger, mountinfo }).attach(listener),
        );
        return runtimes;
      },
      diagnose: (reports: Parameters<typeof diagnose>[0]): Finding[] => diagnose(reports, context, options.endpoint),
    };
    super(kind, options, context);
    this.runtimes = runtimes;
  }

  override identify(path: string): Identification {
    const match = criPaths.match(path);
    const isContainer = typeof match === 'object' && !isPodId(match.id);
    return isContainer && this.isDockers() ? { verdict: 'pass' } : super.identify(path);
  }

  forget(path: string): void {
    const match = criPaths.match(path);
    if (typeof match === 'object') for (const runtime of this.runtimes) runtime.ended(match.id);
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
  create: (context, options) => new CriHandler(options, context),
});
