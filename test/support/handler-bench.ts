import {
  type AgentView,
  type LinuxHost,
  type Plugin,
  type PluginContext,
  type PluginStatus,
  readText,
} from '../../src/kernel/contracts/index.js';
import { systemClock } from '../../src/testing/clock.js';
import { type TestContext, testContext } from '../../src/testing/context.js';
import { HandlerBench } from '../../src/testing/handler-bench.js';

export { HandlerBench };

/**
 * The services a handler gets, with a real clock and real timers, and the log kept.
 * @param running names of other plugins that run
 * @param more what else the agent tells
 */
export function pluginContext(
  running: readonly string[] = [],
  more: Partial<AgentView> = {},
): TestContext & {
  /** Label → directory, as given to the host. */
  readonly labelled: ReadonlyMap<string, string>;
} {
  const labelled = new Map<string, string>();
  const labelFilesystem = (label: string, directory: string) => void labelled.set(label, directory);
  const procText = (path: string) => readText(`/proc/${path}`);
  const linux = { paths: { root: '/' }, procText, labelFilesystem } as LinuxHost;
  const plugins = () => running.map((name) => ({ name, state: 'running' }) as PluginStatus);
  const agent = { plugins, container: () => undefined, ...more } as unknown as AgentView;
  return { ...testContext({ id: 'docker', clock: systemClock, linux, agent }), labelled };
}

/** Starts the handler of a plugin. @param options as in the configuration */
export async function startHandler(
  plugin: Plugin<'container-handler'>,
  context: PluginContext,
  options: Record<string, unknown> = {},
): Promise<HandlerBench> {
  const bench = new HandlerBench(plugin.create(context, plugin.configSchema.parse(options)));
  await bench.start();
  return bench;
}

/** What real engines have in common. */
interface Engine {
  /** Starts a container. @returns its id */
  run(...args: string[]): Promise<string>;
  cgroup(id: string): Promise<string>;
}

/** Starts a container and presents its cgroup to the handler. */
export async function runAndWatch(bench: HandlerBench, engine: Engine, args: readonly string[]) {
  const id = await engine.run(...args);
  const path = await engine.cgroup(id);
  bench.watch(path);
  return { id, path };
}
