import type { ContainerHandler, Plugin } from '../../src/kernel/contracts/index.js';
import docker from '../../src/plugins/container-handlers/docker/index.js';
import { until } from './discovery.js';
import { FakeEngine } from './fake-engine.js';
import { type HandlerBench, pluginContext, startHandler } from './handler-bench.js';

export const A = 'a'.repeat(64);
export const B = 'b'.repeat(64);
/** The cgroup of the container with this id. */
export const pathOf = (id: string) => `/docker/${id}`;

/** A handler at a fake engine, which does not listen yet. */
export class FakeEngineBench {
  readonly engine = new FakeEngine();
  readonly context = pluginContext();
  private bench: HandlerBench | undefined;

  /** Starts a handler that asks nothing again by itself. Tests of engines that do not answer set shorter times. @returns its bench, in parts that stand alone */
  async start(options: Record<string, unknown> = {}, plugin: Plugin<'container-handler'> = docker) {
    const defaults = { endpoint: this.engine.endpoint, timeout: '30s', grace: '30s', resyncInterval: '1h' };
    const bench = await startHandler(plugin, this.context, { ...defaults, ...options });
    this.bench = bench;
    const { handler, verdicts } = bench;
    return { handler, verdicts, accepted: bench.accepted.bind(bench), watch: bench.watch.bind(bench) };
  }

  /** The handler that was started last. */
  get handler(): ContainerHandler {
    return this.bench!.handler;
  }

  warnings(): string[] {
    return this.context.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
  }

  /** Waits; when it takes too long, the error tells what was asked, logged and decided. */
  async until(condition: () => boolean): Promise<void> {
    const verdicts = () => JSON.stringify([...(this.bench?.verdicts ?? [])]);
    await until(
      condition,
      () => `${this.engine.requests.join(' ')}\n${JSON.stringify(this.context.log)}\n${verdicts()}`,
    );
  }

  /** Waits until the handler knows its engine. */
  async up(): Promise<void> {
    await this.until(() => this.handler.runtime!() !== undefined);
  }

  async dispose(): Promise<void> {
    await this.bench?.handler.stop?.();
    this.context.dispose();
    await this.engine.dispose();
  }
}
