import { setTimeout as pause } from 'node:timers/promises';
import {
  type AgentSelf,
  type AgentView,
  type ContainerDescription,
  type ContainerView,
  type DepartedContainer,
  type EngineReport,
  type EngineUsage,
  type EventLog,
  type FieldDescriptor,
  type Finding,
  type LinuxHost,
  messageOf,
  type PendingContainer,
  type PluginStatus,
  type RuntimeInfo,
  type ServedOperation,
} from '../contracts/index.js';
import type { ContainerRegistry, TrackedContainer } from '../discovery/index.js';
import type { Housekeeper } from '../housekeeping/index.js';
import { lineageOf } from '../plugins/index.js';
import type { ActivePlugin, ActivePlugins, Supervisor } from '../supervision/index.js';
import { ContainerIndex } from './container-index.js';
import { JoinedContainer, type ViewSources } from './container-view.js';

/** A handler that has not said after so many ms what is wrong is not waited for. */
const FINDINGS_LIMIT = 30_000;

export interface LiveViewParts {
  readonly version: string;
  readonly host: LinuxHost;
  readonly events: EventLog;
  readonly housekeeper: Housekeeper;
  /** When the agent started, µs since the epoch. */
  readonly startedAt: number;
  readonly descriptors: () => AgentSelf['descriptors'];
  readonly log: () => AgentSelf['log'];
  readonly configuration: () => AgentSelf['configuration'];
  readonly findings: () => readonly Finding[];
  /** Late because it needs the view itself. */
  readonly registry: () => ContainerRegistry;
  readonly plugins: ActivePlugins;
  readonly supervisor: Supervisor;
  readonly sources: Omit<ViewSources, 'children'>;
}

/** The agent's read-only view, fed by the registry's and housekeeping's changes. */
export class LiveView implements AgentView {
  private readonly views = new Map<string, JoinedContainer>();
  private currentIndex: ContainerIndex | undefined;

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

  /** Takes in a container that housekeeping just began with. */
  add(tracked: TrackedContainer): void {
    const monitored = this.parts.housekeeper.get(tracked.name);
    if (monitored === undefined) return;
    const children = (name: string) => this.parts.registry().children(name);
    this.views.set(tracked.name, new JoinedContainer(tracked, monitored, { ...this.parts.sources, children }));
    this.changed();
  }

  remove(name: string): void {
    this.views.delete(name);
    this.changed();
  }

  /** Controllers of the container came or went. */
  cgroupsChanged(name: string): void {
    this.views.get(name)?.forgetLimits();
  }

  /** Names or aliases are others now. */
  changed(): void {
    this.currentIndex = undefined;
  }

  container(name: string): ContainerView | undefined {
    return this.views.get(name);
  }

  containers(): readonly ContainerView[] {
    return this.index().sorted;
  }

  containersBelow(name: string): readonly ContainerView[] {
    return this.index().below(name);
  }

  containersOf(namespace: string): readonly ContainerView[] {
    return this.index().of(namespace);
  }

  /** How the container with this id or alias is described; `undefined`: there is none. */
  described(namespace: string, id: string): ContainerDescription | undefined {
    const all = this.containersOf(namespace).map(({ description }) => description);
    return all.find((description) => description.id === id || description.aliases.includes(id));
  }

  lookup(namespace: string, alias: string): ContainerView {
    return this.index().lookup(namespace, alias);
  }

  refresh(containers: readonly ContainerView[], maxAge: number): Promise<void> {
    return this.parts.housekeeper.refresh(
      containers.map(({ name }) => name),
      maxAge,
    );
  }

  pending(): readonly PendingContainer[] {
    return this.parts.registry().pending();
  }

  departed(): readonly DepartedContainer[] {
    return this.handlers()
      .flatMap(({ instance }) => instance.departed?.() ?? [])
      .filter(({ name }) => !this.views.has(name));
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

  /** Settles when the runtimes behind the handlers have answered, or the time is over. */
  async whenHandlersAnswered(limitMs: number): Promise<void> {
    await Promise.all(this.handlers().map(({ instance }) => within(limitMs, () => instance.whenAnswered?.())));
  }

  /** What the handlers find wrong about their engines; a handler that fails, or does not end, finds nothing. */
  async handlerFindings(): Promise<readonly Finding[]> {
    const found = this.handlers().map(({ instance }) => within(FINDINGS_LIMIT, () => instance.findings?.()));
    return (await Promise.all(found)).flatMap((findings) => findings ?? []);
  }

  watchedDirectories(): readonly { readonly name: string; readonly directories: readonly string[] }[] {
    return this.parts.registry().watchedDirectories();
  }

  fields(): readonly FieldDescriptor[] {
    return this.parts.plugins.of('metric-source').flatMap(({ instance }) => instance.fields);
  }

  plugins(): readonly PluginStatus[] {
    return this.parts.supervisor.statuses();
  }

  async operations(): Promise<readonly ServedOperation[]> {
    const { plugins } = this.parts;
    const active = plugins.of('api-version');
    const versions = active.map((plugin) => operationsOf(plugin, lineageOf(plugin, active).versions));
    const endpoints = plugins.of('endpoint').map(async ({ record, instance }) => {
      const routes = Object.entries((await instance.operations?.()) ?? {});
      return routes.map(([path, info]) => ({ ...info, path, plugin: record.id }));
    });
    const all = (await Promise.all([...versions, ...endpoints])).flat();
    return all.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  findings(): readonly Finding[] {
    return this.parts.findings();
  }

  self(): AgentSelf {
    const { housekeeper, startedAt, descriptors, configuration, log } = this.parts;
    const { taken, idle } = housekeeper.sampler;
    return {
      startedAt,
      samples: { taken, idle, missed: housekeeper.missed },
      historyBytes: housekeeper.historyBytes,
      descriptors: descriptors(),
      configuration: configuration(),
      log: log(),
    };
  }

  private handlers(): readonly ActivePlugin<'container-handler'>[] {
    return this.parts.plugins.of('container-handler');
  }

  private index(): ContainerIndex {
    this.currentIndex ??= new ContainerIndex(this.views.values());
    return this.currentIndex;
  }
}

/** What a version serves, as far as it is described: its own request types, then those of what it extends. */
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

/** What a call gives, `undefined` when it fails or takes longer. */
async function within<T>(limitMs: number, call: () => Promise<T> | undefined): Promise<T | undefined> {
  const abort = new AbortController();
  try {
    return await Promise.race([call(), pause(limitMs, undefined, { ref: false, signal: abort.signal })]);
  } catch {
    return undefined;
  } finally {
    abort.abort();
  }
}
