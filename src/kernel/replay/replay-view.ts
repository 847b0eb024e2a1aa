import type { Capsule } from '../capsules/index.js';
import {
  type AgentSelf,
  type CapsuleArchive,
  type ContainerView,
  EVENT_TYPES,
  type LinuxHost,
  type Operations,
  RequestError,
} from '../contracts/index.js';
import { EventStore } from '../events/index.js';
import type { ActivePlugins, Supervisor } from '../supervision/index.js';
import { ContainerIndex, type KernelView, servedOperations } from '../view/index.js';
import { replayContainer } from './replay-container.js';

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
export function replayView(
  capsule: Capsule,
  host: LinuxHost,
  active: ActivePlugins,
  supervisor: Pick<Supervisor, 'statuses'>,
  ownOperations: readonly Operations[],
): KernelView {
  const { diagnosis } = capsule;
  const index = new ContainerIndex(containersOf(capsule));
  return {
    version: capsule.info.agentVersion,
    host,
    events: eventsOf(capsule),
    capsules: NO_ARCHIVE,
    viewOf: () => undefined,
    newestSample: () => false,
    containers: () => index.sorted,
    containersBelow: (name) => index.below(name),
    containersOf: (namespace) => index.of(namespace),
    container: (name) => index.sorted.find((container) => container.name === name),
    lookup: (namespace, alias) => index.lookup(namespace, alias),
    refresh: async () => {},
    watch: () => undefined,
    pending: () => [],
    departed: () => [],
    runtimes: () => [],
    engines: async () => [],
    engineUsage: () => [],
    watchedDirectories: () => [],
    fields: () => [],
    plugins: () => supervisor.statuses(),
    operations: () => servedOperations(active, ownOperations),
    findings: () => [],
    diagnose: (name) => (diagnosis?.name === name ? diagnosis : undefined),
    diagnoseAll: () => (diagnosis === undefined ? [] : [diagnosis]),
    self: () => selfOf(capsule),
  };
}

/** The machine and the container. */
function containersOf({ container, root, samples, rootSamples, processes }: Capsule): ContainerView[] {
  const pids = processes?.list.map(({ pid }) => pid) ?? [];
  const own = replayContainer(container, samples, pids);
  if (root === undefined || container.name === '/') return [own];
  return [replayContainer({ ...root, children: [container.name] }, rootSamples, []), own];
}

function eventsOf(capsule: Capsule): EventStore {
  const events = new EventStore(() => ({ age: -1, count: -1 }));
  for (const event of capsule.events) if (ALL_TYPES.has(event.type)) events.add(event);
  return events;
}

function selfOf({ info: { createdAt } }: Capsule): AgentSelf {
  return {
    startedAt: createdAt,
    samples: { taken: 0, idle: 0, missed: 0 },
    historyBytes: 0,
    descriptors: { kept: 0, limit: 0, reopened: 0 },
    log: { lost: 0, leftOut: 0 },
    configuration: { activeSince: createdAt, reloads: { succeeded: 0, failed: 0 }, lastReloadFailed: false },
  };
}
