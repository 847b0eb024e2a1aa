import type { BudgetKeeper } from '../budget/index.js';
import {
  type Container,
  type ContainerLimits,
  type ContainerStore,
  departedContainers,
  type KnownCgroups,
  Slot,
} from '../containers/index.js';
import {
  type AgentSelf,
  type CapsuleArchive,
  type ContainerView,
  type DepartedContainer,
  type Diagnosis,
  type EngineReport,
  type EngineUsage,
  type EventLog,
  type Finding,
  type LinuxHost,
  messageOf,
  type Operations,
  type PendingContainer,
  type PluginStatus,
  type ProvidedField,
  type RuntimeInfo,
  type SampleCursor,
  type ServedOperation,
} from '../contracts/index.js';
import type { Diagnostics } from '../diagnosis/index.js';
import type { Doctor } from '../doctor/index.js';
import { type Housekeeper, SAMPLING } from '../housekeeping/index.js';
import type { DescriptorBudget } from '../linux/index.js';
import type { LoggerSource } from '../log/index.js';
import type { ReloadHistory } from '../reload/index.js';
import { type ActivePlugin, type ActivePlugins, lineageOf, type Supervisor } from '../supervision/index.js';
import { ContainerIndex } from './container-index.js';
import { RecordedContainer } from './container-view.js';
import type { KernelView } from './tokens.js';

export interface LiveViewParts {
  readonly version: string;
  readonly host: LinuxHost;
  readonly events: EventLog;
  readonly housekeeper: Housekeeper;
  /** When the agent started, µs since the epoch. */
  readonly startedAt: number;
  readonly descriptors: Pick<DescriptorBudget, 'use'>;
  readonly budget: Pick<BudgetKeeper, 'status'>;
  readonly logs: Pick<LoggerSource, 'state'>;
  readonly reloads: Pick<ReloadHistory, 'configuration'>;
  readonly doctor: Pick<Doctor, 'findings'>;
  readonly store: ContainerStore;
  readonly cgroups: KnownCgroups;
  readonly limits: ContainerLimits;
  readonly plugins: ActivePlugins;
  readonly supervisor: Supervisor;
  readonly diagnostics: Diagnostics;
  readonly capsules: CapsuleArchive;
  readonly ownOperations: readonly Operations[];
}

const VIEW = new Slot<RecordedContainer>('view');

export class LiveView implements KernelView {
  private index: ContainerIndex | undefined;
  /** Revision of the store that the index is based on. */
  private revision = -1;

  constructor(private readonly parts: LiveViewParts) {}

  get version(): string {
    return this.parts.version;
  }

  get host(): LinuxHost {
    return this.parts.host;
  }

  get events(): EventLog {
    return this.parts.events;
  }

  get capsules(): CapsuleArchive {
    return this.parts.capsules;
  }

  container(name: string): ContainerView | undefined {
    const container = this.parts.store.get(name);
    if (container === undefined) return undefined;
    const sampling = container.get(SAMPLING);
    if (sampling !== undefined) sampling.isRequested = true;
    return this.viewOf(container);
  }

  containers(): readonly ContainerView[] {
    return this.currentIndex().sorted;
  }

  containersBelow(name: string): readonly ContainerView[] {
    return this.currentIndex().below(name);
  }

  containersOf(namespace: string): readonly ContainerView[] {
    return this.currentIndex().of(namespace);
  }

  lookup(namespace: string, alias: string): readonly ContainerView[] {
    return this.currentIndex().lookup(namespace, alias);
  }

  refresh(containers: readonly ContainerView[], maxAge: number): Promise<void> {
    const { store, housekeeper } = this.parts;
    return housekeeper.refresh(
      containers.flatMap(({ name }) => store.get(name) ?? []),
      maxAge,
    );
  }

  watch(name: string): number | undefined {
    const { store, housekeeper } = this.parts;
    const container = store.get(name);
    return container && housekeeper.watch(container);
  }

  pending(): readonly PendingContainer[] {
    return this.parts.cgroups.pendingContainers();
  }

  departed(): readonly DepartedContainer[] {
    return departedContainers(this.parts.plugins, this.parts.store);
  }

  runtimes(): readonly RuntimeInfo[] {
    return this.handlers().flatMap(({ instance }) => instance.runtime?.() ?? []);
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

  engineUsage(): readonly EngineUsage[] {
    return this.handlers().flatMap(({ instance }) => instance.engineUsage?.() ?? []);
  }

  watchedDirectories(): readonly { readonly name: string; readonly directories: readonly string[] }[] {
    return this.parts.cgroups.watchedDirectories();
  }

  fields(): readonly ProvidedField[] {
    return this.parts.plugins
      .of('metric-source')
      .flatMap(({ record, instance }) =>
        instance.fields.map((field) => ({ ...field, plugin: record.id, isBuiltin: !record.isTimedAlways })),
      );
  }

  plugins(): readonly PluginStatus[] {
    return this.parts.supervisor.statuses();
  }

  operations(): Promise<readonly ServedOperation[]> {
    return servedOperations(this.parts.plugins, this.parts.ownOperations);
  }

  findings(): readonly Finding[] {
    return this.parts.doctor.findings();
  }

  diagnose(name: string): Diagnosis | undefined {
    return this.parts.diagnostics.of(this, name);
  }

  diagnoseAll(): readonly Diagnosis[] {
    return this.parts.diagnostics.all(this);
  }

  self(): AgentSelf {
    const { housekeeper, startedAt, descriptors, budget, logs, reloads } = this.parts;
    const { taken, idle } = housekeeper.sampler;
    return {
      startedAt,
      samples: { taken, idle, missed: housekeeper.missed },
      historyBytes: housekeeper.historyBytes,
      descriptors: descriptors.use(),
      budget: budget.status(),
      configuration: reloads.configuration(),
      log: logs.state(),
    };
  }

  private handlers(): readonly ActivePlugin<'container-handler'>[] {
    return this.parts.plugins.of('container-handler');
  }

  private currentIndex(): ContainerIndex {
    const { store } = this.parts;
    if (this.index === undefined || this.revision !== store.revision) {
      this.index = new ContainerIndex(store.all().flatMap((container) => this.viewOf(container) ?? []));
      this.revision = store.revision;
    }
    return this.index;
  }

  newestSample(container: Container, cursor: SampleCursor): boolean {
    return container.get(SAMPLING)?.ring.latest(cursor) ?? false;
  }

  /** @returns undefined for a container that housekeeping has not started to sample */
  viewOf(container: Container): RecordedContainer | undefined {
    const sampling = container.get(SAMPLING);
    return sampling && container.ensure(VIEW, () => new RecordedContainer(container, sampling, this.parts));
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
