import {
  type Container,
  type ContainerObserver,
  ContainerStore,
  DiscoveryRequests,
  type Hierarchies,
  KnownCgroups,
} from '../../src/kernel/containers/index.js';
import type { CgroupFiles, Clock, ContainerHandler, Identification, Logger } from '../../src/kernel/contracts/index.js';
import { Discovery, type DiscoveryOptions } from '../../src/kernel/discovery/index.js';
import { type ActivePlugin, PluginRecord } from '../../src/kernel/supervision/index.js';
import { CommonTimer } from '../../src/kernel/timing/index.js';
import { systemClock, until } from '../../src/testing/clock.js';

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

/** Keeps what a container store tells, as lines such as `added /a`, and who is there by its account. */
export class Recorder implements ContainerObserver {
  readonly lines: string[] = [];
  readonly present = new Map<string, Container>();

  added(container: Container): void {
    if (this.present.has(container.name)) this.lines.push(`added twice ${container.name}`);
    this.present.set(container.name, container);
    this.lines.push(`added ${container.name}`);
  }

  removed(container: Container): void {
    if (this.present.get(container.name) !== container) this.lines.push(`removed a stranger ${container.name}`);
    this.present.delete(container.name);
    this.lines.push(`removed ${container.name}`);
  }

  descriptionChanged(container: Container): void {
    this.lines.push(`described ${container.name}`);
  }

  controllersChanged(container: Container): void {
    this.lines.push(`controllers ${container.name}`);
  }

  async waitFor(...lines: string[]): Promise<void> {
    await until(
      () => lines.every((line) => this.lines.includes(line)),
      () => `${lines.join(', ')} in ${this.lines.join(', ')}`,
    );
  }
}

/** A handler, and the id of its plugin. */
export interface TestHandler {
  readonly id: string;
  readonly handler: ContainerHandler;
}

export interface TestDiscoveryOptions extends Partial<DiscoveryOptions> {
  readonly handlers?: () => readonly TestHandler[];
}

/** Discovery with what it keeps current. */
export class TestRegistry {
  readonly recorder = new Recorder();
  readonly logger = keepingLogger();
  readonly faults: string[] = [];
  private readonly store = new ContainerStore(this.logger);
  readonly cgroups: KnownCgroups;
  private readonly requests = new DiscoveryRequests();
  private readonly discovery: Discovery;
  private readonly records = new Map<string, PluginRecord>();

  constructor(hierarchies: Hierarchies, options: TestDiscoveryOptions) {
    const { handlers = () => [{ id: 'raw', handler: acceptAll }], ...rest } = options;
    this.cgroups = new KnownCgroups(hierarchies, wallClock);
    this.store.observe(this.recorder);
    this.discovery = new Discovery({
      hierarchies,
      plugins: { of: (kind) => handlers().map(({ id, handler }) => this.active(kind, id, handler)) as never },
      supervisor: { fault: ({ id }, _what, error) => void this.faults.push(`${id}: ${error}`) },
      store: this.store,
      cgroups: this.cgroups,
      createFiles: (name) => ({ name }) as unknown as CgroupFiles,
      clock: wallClock,
      timer: new CommonTimer(wallClock),
      logger: this.logger,
      coalesceMs: 5,
      ...rest,
    });
    this.requests.handleBy(this.discovery);
    this.requests.onFindingsChanged(() => this.recorder.lines.push('findings'));
  }

  start = () => this.discovery.start();
  stop = () => this.discovery.stop();
  recheck = (name: string) => this.discovery.recheck(name);
  handlersChanged = () => this.discovery.handlersChanged();
  registrar = (handlerId: string) => this.requests.registrarOf(handlerId);
  get = (name: string) => this.store.get(name);
  all = () => this.store.all();
  children = (name: string) => this.cgroups.children(name);
  pending = () => this.cgroups.pendingContainers();
  watchedDirectories = () => this.cgroups.watchedDirectories();

  get watchesExhausted(): boolean {
    return this.cgroups.watchesExhausted;
  }

  private active(kind: ActivePlugin['kind'], id: string, handler: ContainerHandler) {
    const record = this.records.get(id) ?? new PluginRecord(id, id, id, 'retry');
    this.records.set(id, record);
    return { record, kind, instance: handler };
  }
}

/** A registry that accepts everything and is quick to look, unless the options say otherwise. */
export function makeRegistry(hierarchies: Hierarchies, options: TestDiscoveryOptions = {}) {
  const registry = new TestRegistry(hierarchies, options);
  const { recorder, logger, faults } = registry;
  return { registry, recorder, logger, faults };
}
