import { BUDGET } from '../budget/index.js';
import { CAPSULES } from '../capsules/index.js';
import type { Provided } from '../composition/index.js';
import { AGENT } from '../config/index.js';
import { CGROUPS, CONTAINERS, type Container, departedContainers, LIMITS, Slot } from '../containers/index.js';
import {
  type AgentSelf,
  type CapsuleArchive,
  type ContainerView,
  type EngineReport,
  type EventLog,
  type LinuxHost,
  messageOf,
  type Operations,
  type SampleCursor,
  type ServedOperation,
} from '../contracts/index.js';
import { DIAGNOSTICS } from '../diagnosis/index.js';
import { DOCTOR } from '../doctor/index.js';
import { EVENTS } from '../events/index.js';
import { HOUSEKEEPER, SAMPLING } from '../housekeeping/index.js';
import { DESCRIPTORS } from '../linux/index.js';
import { LOGS } from '../log/index.js';
import { HOST } from '../machine/index.js';
import { RELOADS } from '../reload/index.js';
import { ACTIVE_PLUGINS, type ActivePlugin, type ActivePlugins, lineageOf, SUPERVISOR } from '../supervision/index.js';
import { ContainerIndex } from './container-index.js';
import { RecordedContainer } from './container-view.js';
import { type KernelView, OWN_OPERATIONS } from './tokens.js';

/** What the view is made of. */
export const PARTS = {
  agent: AGENT,
  host: HOST,
  events: EVENTS,
  housekeeper: HOUSEKEEPER,
  descriptors: DESCRIPTORS,
  budget: BUDGET,
  logs: LOGS,
  reloads: RELOADS,
  doctor: DOCTOR,
  store: CONTAINERS,
  cgroups: CGROUPS,
  limits: LIMITS,
  active: ACTIVE_PLUGINS,
  supervisor: SUPERVISOR,
  diagnostics: DIAGNOSTICS,
  capsules: CAPSULES,
  ownOperations: OWN_OPERATIONS,
};

const VIEW = new Slot<RecordedContainer>('view');

export class LiveView implements KernelView {
  readonly version: string;
  readonly host: LinuxHost;
  readonly events: EventLog;
  readonly capsules: CapsuleArchive;
  private index: ContainerIndex | undefined;
  /** Revision of the store that the index is based on. */
  private revision = -1;

  constructor(private readonly parts: Provided<typeof PARTS>) {
    this.version = parts.agent.version;
    this.host = parts.host;
    this.events = parts.events;
    this.capsules = parts.capsules;
  }

  containers = () => this.currentIndex().sorted;
  containersBelow = (name: string) => this.currentIndex().below(name);
  containersOf = (namespace: string) => this.currentIndex().of(namespace);
  lookup = (namespace: string, alias: string) => this.currentIndex().lookup(namespace, alias);
  pending = () => this.parts.cgroups.pendingContainers();
  departed = () => departedContainers(this.parts.active, this.parts.store);
  runtimes = () => this.handlers().flatMap(({ instance }) => instance.runtime?.() ?? []);
  engineUsage = () => this.handlers().flatMap(({ instance }) => instance.engineUsage?.() ?? []);
  watchedDirectories = () => this.parts.cgroups.watchedDirectories();
  plugins = () => this.parts.supervisor.statuses();
  operations = () => servedOperations(this.parts.active, this.parts.ownOperations);
  findings = () => this.parts.doctor.findings();
  diagnose = (name: string) => this.parts.diagnostics.of(this, name);
  diagnoseAll = () => this.parts.diagnostics.all(this);
  newestSample = (container: Container, cursor: SampleCursor) => container.get(SAMPLING)?.ring.latest(cursor) ?? false;

  container(name: string): ContainerView | undefined {
    const container = this.parts.store.get(name);
    if (container === undefined) return undefined;
    const sampling = container.get(SAMPLING);
    if (sampling !== undefined) sampling.isRequested = true;
    return this.viewOf(container);
  }

  async refresh(containers: readonly ContainerView[], maxAge: number): Promise<void> {
    const { store, housekeeper, host } = this.parts;
    const records = containers.flatMap(({ name }) => store.get(name) ?? []);
    const machine = records.find(({ name }) => name === '/');
    // A sample may hold an older answer of a filesystem than itself.
    if (machine !== undefined && (await host.refreshUsage(maxAge / 1000))) await housekeeper.refresh([machine], 0);
    await housekeeper.refresh(records, maxAge);
  }

  watch(name: string): number | undefined {
    const { store, housekeeper } = this.parts;
    const container = store.get(name);
    return container && housekeeper.watch(container);
  }

  async engines(): Promise<readonly EngineReport[]> {
    const answers = this.handlers().map(async ({ record, instance }): Promise<readonly EngineReport[]> => {
      try {
        return (await instance.engines?.()) ?? [];
      } catch (error) {
        return [{ runtime: record.id, endpoint: '', reason: messageOf(error) }];
      }
    });
    return (await Promise.all(answers)).flat();
  }

  fields() {
    return this.parts.active
      .of('metric-source')
      .flatMap(({ record, instance }) =>
        instance.fields.map((field) => ({ ...field, plugin: record.id, isBuiltin: !record.isTimedAlways })),
      );
  }

  self(): AgentSelf {
    const { agent, housekeeper, descriptors, budget, logs, reloads } = this.parts;
    const { taken, idle } = housekeeper.sampler;
    return {
      startedAt: agent.startedAt,
      samples: { taken, idle, missed: housekeeper.missed },
      // Asks all containers.
      get historyBytes() {
        return housekeeper.historyBytes;
      },
      descriptors: descriptors.use(),
      budget: budget.status(),
      configuration: reloads.configuration(),
      log: logs.state(),
    };
  }

  /** @returns undefined for a container that housekeeping has not started to sample */
  viewOf(container: Container): RecordedContainer | undefined {
    const sampling = container.get(SAMPLING);
    return sampling && container.ensure(VIEW, () => new RecordedContainer(container, sampling, this.parts));
  }

  private handlers(): readonly ActivePlugin<'container-handler'>[] {
    return this.parts.active.of('container-handler');
  }

  private currentIndex(): ContainerIndex {
    const { store } = this.parts;
    if (this.index === undefined || this.revision !== store.revision) {
      this.index = new ContainerIndex(store.all().flatMap((container) => this.viewOf(container) ?? []));
      this.revision = store.revision;
    }
    return this.index;
  }
}

/** The documented operations of the plugins and of the agent, sorted by path. */
export async function servedOperations(
  plugins: ActivePlugins,
  own: readonly Operations[],
): Promise<readonly ServedOperation[]> {
  const active = plugins.of('api-version');
  const versions = active.map((plugin) => operationsOf(plugin, lineageOf(plugin, active).versions));
  const endpoints = plugins.of('endpoint').map(async ({ record, instance }) => {
    const routes = Object.entries((await instance.operations?.()) ?? {});
    return routes.map(([path, info]) => ({ ...info, path, plugin: record.id }));
  });
  const agent = own.map(async (operations) =>
    Object.entries(await operations()).map(([path, info]) => ({ ...info, path, plugin: 'agent' })),
  );
  const all = (await Promise.all([...versions, ...endpoints, ...agent])).flat();
  return all.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The documented operations of a version: its own request types, then those that it inherits. */
async function operationsOf(
  { instance: { version } }: ActivePlugin<'api-version'>,
  lineage: readonly ActivePlugin<'api-version'>[],
): Promise<ServedOperation[]> {
  const served: ServedOperation[] = [];
  const hidden = new Set<string>();
  for (const { record, instance } of lineage) {
    for (const [type, info] of Object.entries((await instance.operations?.()) ?? {})) {
      if (!hidden.has(type)) served.push({ ...info, path: `/api/${version}/${type}`, plugin: record.id });
    }
    for (const type of Object.keys(instance.requestTypes)) hidden.add(type);
  }
  return served;
}
