import type { ContainerState, ContainerStorage, NetworkMode } from '../../../kernel/contracts/index.js';
import {
  allowedEnvs,
  type Described,
  type DescribeRules,
  list,
  present,
  publish,
  record,
  text,
  wire,
} from '../common/index.js';
import { type ContainerRecord, type Mount, TASK_STATUS, type TaskRecord } from './api.js';
import { expectedCgroups } from './cgroup.js';

/** Snapshotters whose writable layer is a directory of its own even where it is mounted as it is, without layers below. */
const LAYERED = /overlay|stargz|nydus|soci/;

/** What is used of a container's OCI specification. */
export interface Specification {
  readonly cgroups: readonly string[];
  readonly env: readonly unknown[];
  readonly networkMode: NetworkMode;
  readonly networkOf?: string;
  readonly root: string;
}

/** @param bytes JSON; anything else gives an empty specification */
export function parseSpecification(bytes: Uint8Array | undefined, id: string): Specification {
  const spec = record(parseJson(bytes));
  const linux = record(spec.linux);
  return {
    cgroups: expectedCgroups(text(linux.cgroupsPath)),
    env: list(record(spec.process).env),
    ...networkOf(
      list(linux.namespaces).map(record),
      text(record(spec.annotations)['io.kubernetes.cri.sandbox-id']),
      id,
    ),
    root: text(record(spec.root).path),
  };
}

function parseJson(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** @param sandbox id of the container that holds the namespaces of a pod; empty: none */
function networkOf(
  namespaces: readonly Readonly<Record<string, unknown>>[],
  sandbox: string,
  id: string,
): Pick<Specification, 'networkMode' | 'networkOf'> {
  if (namespaces.length === 0) return { networkMode: 'none' };
  const network = namespaces.find(({ type }) => type === 'network');
  if (network === undefined) return { networkMode: 'host' };
  if (sandbox !== '' && sandbox !== id) return { networkMode: 'shared', networkOf: sandbox };
  // A named one (`/run/netns/x`) was made for it; one of a process belongs to that process's container.
  return { networkMode: /^\/proc\/\d+\//.test(text(network.path)) ? 'shared' : 'own' };
}

/** What the records of containerd do not contain. */
export interface Circumstances {
  readonly namespace: string;
  /** What was known of its state. */
  readonly previous?: ContainerState | undefined;
  /** Start of its task, µs since the epoch. */
  readonly startedAt?: number | undefined;
  readonly storage: ContainerStorage;
  readonly imageId?: string | undefined;
}

export function describeContainer(
  container: ContainerRecord,
  task: TaskRecord | undefined,
  spec: Specification,
  rules: DescribeRules,
  circumstances: Circumstances,
): Described {
  const { namespace, storage, imageId } = circumstances;
  const restarts = Number(container.labels['containerd.io/restart.count'] || Number.NaN);
  const isAlive = task !== undefined && task.status !== TASK_STATUS.stopped;
  const labels = {
    ...container.labels,
    'containerd.namespace': namespace,
    ...(container.runtime === undefined ? {} : { 'containerd.runtime': container.runtime.name }),
    ...(container.snapshotter === '' ? {} : { 'containerd.snapshotter': container.snapshotter }),
  };
  const reported = {
    id: container.id,
    name: container.labels['nerdctl/name'] ?? '',
    otherAliases: [`${namespace}/${container.id}`],
    image: container.image,
    imageId,
    labels,
    envs: allowedEnvs(spec.env, rules),
    createdAt: wire.microseconds(container.createdAt),
    createdAtExtraNs: wire.extraNanoseconds(container.createdAt),
    pid: isAlive && task.pid > 0 ? task.pid : undefined,
    networkMode: spec.networkMode,
    networkOf: spec.networkOf,
    storage,
    restartCount: Number.isSafeInteger(restarts) && restarts >= 0 ? restarts : undefined,
    state: stateOf(task, circumstances),
  };
  return publish(reported, rules);
}

function stateOf(task: TaskRecord | undefined, { previous, startedAt }: Circumstances): ContainerState {
  if (task === undefined) {
    // Its task was deleted, and with it what containerd knew of its end.
    if (previous === undefined || previous.status === 'created') return { status: 'created' };
    return { ...previous, status: 'exited' };
  }
  if (task.status === TASK_STATUS.stopped) {
    return present({
      status: 'exited',
      exitCode: task.exitStatus,
      oomKilled: previous?.oomKilled,
      startedAt,
      finishedAt: wire.microseconds(task.exitedAt),
    });
  }
  const status = STATUSES[task.status] ?? 'running';
  const { exitCode, finishedAt } = previous ?? {};
  if (exitCode === undefined || finishedAt === undefined) return present({ status, startedAt });
  // Of the previous run, as Docker reports it.
  return present({ status, exitCode, finishedAt, startedAt });
}

const STATUSES: Readonly<Record<number, ContainerState['status']>> = {
  [TASK_STATUS.created]: 'created',
  [TASK_STATUS.paused]: 'paused',
  [TASK_STATUS.pausing]: 'paused',
};

/** Where the writable layer of a container is, by the mounts of its snapshot. */
export function storageOf(snapshotter: string, mounts: readonly Mount[]): ContainerStorage {
  const [mount] = mounts;
  const upper = mounts
    .filter(({ type }) => type === 'overlay' || type === 'fuse3.fuse-overlayfs')
    .flatMap(({ options }) => options)
    .find((option) => option.startsWith('upperdir='));
  if (upper !== undefined) return { writableLayer: upper.slice('upperdir='.length) };
  const isReadOnly = mounts.every(({ type, options }) => type === 'overlay' || options.includes('ro'));
  if (mount !== undefined && isReadOnly)
    return { reason: 'its root file system is read-only: it has no writable layer' };
  if (mount?.type === 'bind' && LAYERED.test(snapshotter)) return { writableLayer: mount.source };
  return { reason: `the snapshotter (${snapshotter}) does not tell the directory of the writable layer` };
}
