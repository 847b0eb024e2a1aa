import type { Capsule } from '../capsules/index.js';
import {
  type AgentSelf,
  type AgentView,
  type CapsuleArchive,
  type ContainerView,
  type DepartedContainer,
  type Diagnosis,
  type EngineReport,
  type EngineUsage,
  EVENT_TYPES,
  type EventLog,
  type Finding,
  type LinuxHost,
  type Operations,
  type PendingContainer,
  type PluginStatus,
  type ProvidedField,
  RequestError,
  type RuntimeInfo,
  type ServedOperation,
} from '../contracts/index.js';
import { EventStore } from '../events/index.js';
import type { ActivePlugins, Supervisor } from '../supervision/index.js';
import { ContainerIndex, type KernelView, servedOperations } from '../view/index.js';
import { ReplayContainer } from './replay-container.js';

const READ_ONLY = 501;
const ALL_TYPES = new Set(EVENT_TYPES);
/** A replay keeps no capsules. */
const NO_ARCHIVE: CapsuleArchive = {
  list: () => [],
  read: async () => undefined,
  record: async () => {
    throw new RequestError(READ_ONLY, 'this is a replay of a capsule: it is read only');
  },
  state: () => ({ written: 0, skipped: 0, failed: 0 }),
};

/** What a capsule holds, as the agent that wrote it showed it. */
export class ReplayView implements KernelView {
  readonly version: string;
  readonly events: EventLog;
  readonly capsules = NO_ARCHIVE;
  private readonly index: ContainerIndex;

  constructor(
    private readonly capsule: Capsule,
    readonly host: LinuxHost,
    private readonly active: ActivePlugins,
    private readonly supervisor: Pick<Supervisor, 'statuses'>,
    private readonly ownOperations: readonly Operations[],
  ) {
    this.version = capsule.info.agentVersion;
    this.index = new ContainerIndex(containersOf(capsule));
    const events = new EventStore(() => ({ age: -1, count: -1 }));
    for (const event of capsule.events) if (ALL_TYPES.has(event.type)) events.add(event);
    this.events = events;
  }

  viewOf = (): undefined => undefined;
  newestSample = (): boolean => false;
  containers = (): readonly ContainerView[] => this.index.sorted;
  containersBelow = (name: string): readonly ContainerView[] => this.index.below(name);
  containersOf = (namespace: string): readonly ContainerView[] => this.index.of(namespace);
  refresh = async (): Promise<void> => {};
  watch = (): undefined => undefined;
  pending = (): readonly PendingContainer[] => [];
  departed = (): readonly DepartedContainer[] => [];
  runtimes = (): readonly RuntimeInfo[] => [];
  engines = async (): Promise<readonly EngineReport[]> => [];
  engineUsage = (): readonly EngineUsage[] => [];
  watchedDirectories = (): ReturnType<AgentView['watchedDirectories']> => [];
  fields = (): readonly ProvidedField[] => [];
  plugins = (): readonly PluginStatus[] => this.supervisor.statuses();
  operations = (): Promise<readonly ServedOperation[]> => servedOperations(this.active, this.ownOperations);
  findings = (): readonly Finding[] => [];

  container(name: string): ContainerView | undefined {
    return this.index.sorted.find((container) => container.name === name);
  }

  lookup(namespace: string, alias: string): readonly ContainerView[] {
    return this.index.lookup(namespace, alias);
  }

  diagnose(name: string): Diagnosis | undefined {
    const { diagnosis } = this.capsule;
    return diagnosis?.name === name ? diagnosis : undefined;
  }

  diagnoseAll(): readonly Diagnosis[] {
    const { diagnosis } = this.capsule;
    return diagnosis === undefined ? [] : [diagnosis];
  }

  self(): AgentSelf {
    const { createdAt } = this.capsule.info;
    return {
      startedAt: createdAt,
      samples: { taken: 0, idle: 0, missed: 0 },
      historyBytes: 0,
      descriptors: { kept: 0, limit: 0, reopened: 0 },
      log: { lost: 0, leftOut: 0 },
      configuration: { activeSince: createdAt, reloads: { succeeded: 0, failed: 0 }, lastReloadFailed: false },
    };
  }
}

/** The machine and the container. */
function containersOf({ container, root, samples, rootSamples, processes }: Capsule): ContainerView[] {
  const pids = processes?.list.map(({ pid }) => pid) ?? [];
  const own = new ReplayContainer(container, samples, pids);
  if (root === undefined || container.name === '/') return [own];
  return [new ReplayContainer({ ...root, children: [container.name] }, rootSamples, []), own];
}
