import type { CgroupFiles, Clock, ContainerHandler, Identification, Logger } from '../../src/kernel/contracts/index.js';
import type {
  ContainerListener,
  RegistryOptions,
  TrackedContainer,
  WatchedHierarchies,
} from '../../src/kernel/discovery/index.js';
import { ContainerRegistry } from '../../src/kernel/discovery/index.js';
import { systemClock } from '../../src/testing/clock.js';
import { until } from '../../src/testing/until.js';

export { until };

export const wallClock: Clock = systemClock;

/** A logger that keeps warnings and errors. */
export function keepingLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    debug() {},
    info: (message) => lines.push(`info ${message}`),
    warn: (message) => lines.push(`warn ${message}`),
    error: (message) => lines.push(`error ${message}`),
  };
}

export const accepted: Identification = {
  verdict: 'accept',
  description: { aliases: [], labels: {}, envs: {}, networkMode: 'none', state: { status: 'running' } },
};

/** Accepts everything, as the raw handler does. */
export const acceptAll: ContainerHandler = { identify: () => accepted };

/** Keeps what a registry tells, as lines such as `added /a`, and who is there by its account. */
export class Recorder implements ContainerListener {
  readonly lines: string[] = [];
  readonly present = new Map<string, TrackedContainer>();

  added(container: TrackedContainer): void {
    if (this.present.has(container.name)) this.lines.push(`added twice ${container.name}`);
    this.present.set(container.name, container);
    this.lines.push(`added ${container.name}`);
  }

  removed(container: TrackedContainer): void {
    if (this.present.get(container.name) !== container) this.lines.push(`removed a stranger ${container.name}`);
    this.present.delete(container.name);
    this.lines.push(`removed ${container.name}`);
  }

  descriptionChanged(container: TrackedContainer): void {
    this.lines.push(`described ${container.name}`);
  }

  findingsChanged(): void {
    this.lines.push('findings');
  }

  controllersChanged(container: TrackedContainer): void {
    this.lines.push(`controllers ${container.name}`);
  }

  async waitFor(...lines: string[]): Promise<void> {
    await until(
      () => lines.every((line) => this.lines.includes(line)),
      () => `${lines.join(', ')} in ${this.lines.join(', ')}`,
    );
  }
}

export interface TestRegistry {
  readonly registry: ContainerRegistry;
  readonly recorder: Recorder;
  readonly logger: ReturnType<typeof keepingLogger>;
  readonly faults: string[];
}

/** A registry that accepts everything and is quick to look, unless told otherwise. */
export function makeRegistry(hierarchies: WatchedHierarchies, options: Partial<RegistryOptions> = {}): TestRegistry {
  const recorder = new Recorder();
  const logger = keepingLogger();
  const faults: string[] = [];
  const registry = new ContainerRegistry({
    hierarchies,
    handlers: () => [{ id: 'raw', handler: acceptAll }],
    createFiles: (name) => ({ name }) as unknown as CgroupFiles,
    clock: wallClock,
    logger,
    listener: recorder,
    onFault: (id, error) => faults.push(`${id}: ${error}`),
    coalesce: 5,
    ...options,
  });
  return { registry, recorder, logger, faults };
}
