import {
  type Clock,
  type ContainerStorage,
  type Logger,
  messageOf,
  type Timers,
} from '../../../kernel/contracts/index.js';
import {
  ContainerTable,
  type Denial,
  type Described,
  type DescribeRules,
  EngineError,
  GRPC_NOT_FOUND,
  type GrpcClient,
  InspectFailures,
  type KnownContainer,
  type KnownEnd,
  type OnceLogger,
  RefreshQueue,
  warnOfLabels,
} from '../common/index.js';
import { type ContainerRecord, methods, type TaskRecord } from './api.js';
import { actualCgroup } from './cgroup.js';
import { describeContainer, parseSpecification, storageOf } from './describe.js';
import type { ContainerdEvent, End } from './events.js';
import { PathClaims } from './path-claims.js';

const PARALLEL_CALLS = 16;
const MAX_DENIED = 1024;
const LOSS_NOTICED = 100;
const NOT_ASKED: ContainerStorage = { reason: 'containerd has not told the mounts of its snapshot yet' };

export interface KnowledgeOptions {
  /** Time limit of a call, ms. */
  readonly timeout: number;
  /** How long the end of a container is remembered, ms. */
  readonly tombstoneFor: number;
  readonly rules: DescribeRules;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Whether the containers of a namespace are this handler's. */
  watches(namespace: string): boolean;
  /** Text of a file below the host's `/proc`. */
  procText(path: string): string | undefined;
}

/** Where the files of a container are, as far as it was asked. */
interface Details {
  readonly snapshotter: string;
  readonly snapshotKey: string;
  readonly image: string;
  readonly storage?: ContainerStorage;
  readonly imageId?: string;
}

/** A container is known by `namespace/id`. */
export const keyOf = (namespace: string, id: string): string => `${namespace}/${id}`;

function partsOf(key: string): { readonly namespace: string; readonly id: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), id: key.slice(slash + 1) };
}

const inNamespace = (namespace: string) => ({ metadata: { 'containerd-namespace': namespace } });

/** What containerd said of its containers: fed by its events and lists, it asks about what changed. */
export class ContainerdKnowledge {
  /** Which container each cgroup belongs to. */
  readonly claims = new PathClaims((key) => this.table.find(key, false)?.description.pid !== undefined);
  private readonly table = new ContainerTable();
  private readonly denied = new Map<string, Denial>();
  private readonly details = new Map<string, Details>();
  /** When the present run began, µs since the epoch. */
  private readonly starts = new Map<string, number>();
  private readonly changes = new RefreshQueue(PARALLEL_CALLS, (key) => this.refresh(key));
  private readonly files = new RefreshQueue(PARALLEL_CALLS, (key) => this.askDetails(key));
  private readonly failures: InspectFailures;
  /** Containers being asked about, with the end that came meanwhile: an answer may be older than it. */
  private readonly asking = new Map<string, End | undefined>();
  private namespaces: ReadonlySet<string> = new Set(['default']);
  private client: GrpcClient | undefined;

  /** @param tell told when a description changed, and when the engine answered about a container */
  constructor(
    private readonly options: KnowledgeOptions,
    private readonly tell: (key: string) => void,
    private readonly once: OnceLogger,
  ) {
    this.failures = new InspectFailures(options.timeout);
  }

  /** Number of containers, and of those in a state. */
  count(...statuses: readonly string[]): number {
    return statuses.length === 0 ? this.table.size : this.table.count((status) => statuses.includes(status));
  }

  /** Snapshotters that hold files of containers, the one with the most first. */
  snapshotters(): string[] {
    const counts = new Map<string, number>();
    for (const { snapshotter } of this.details.values()) {
      if (snapshotter !== '') counts.set(snapshotter, (counts.get(snapshotter) ?? 0) + 1);
    }
    return [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name);
  }

  /** Namespaces whose containers are known. */
  get watched(): ReadonlySet<string> {
    return this.namespaces;
  }

  /** A connection to ask was made. What was refused on an earlier one is asked again. */
  connected(client: GrpcClient): void {
    this.client = client;
    this.denied.clear();
    this.failures.clear();
  }

  /** The connection is lost; what is known stays. */
  disconnected(): void {
    this.client = undefined;
    this.changes.clear();
    this.files.clear();
  }

  /** @param stale whether to mark the description as out of date */
  find(key: string, stale: boolean): KnownContainer | undefined {
    return this.table.find(key, stale);
  }

  denial(key: string): Denial | undefined {
    return this.denied.get(key);
  }

  /** Asks about a container; `tell` tells the answer. */
  ask(key: string): void {
    if (this.client === undefined) return;
    if (this.failures.state(key, this.options.clock.monotonic()) !== 'paused') void this.changes.add(key);
  }

  /** Containers that ended within `tombstoneFor`, oldest first. */
  departed(): readonly KnownEnd[] {
    this.forgetDeparted();
    return this.table.departed();
  }

  event({ namespace, id, kind, time, end }: ContainerdEvent): void {
    if (!this.options.watches(namespace)) return;
    const key = keyOf(namespace, id);
    if (kind === 'removed') this.removed(key);
    else if (kind === 'outOfMemory') this.table.outOfMemory(key);
    else if (kind === 'ended') this.ended(key, end ?? { time });
    else {
      if (kind === 'started') this.started(key, time);
      this.denied.delete(key);
      void this.changes.add(key);
    }
  }

  /**
   * Compares all that the engine has with what is known.
   * @returns settles when the lists were answered; `asked` when everything in them is known
   * @throws EngineError when the engine does not answer
   */
  async resync(client: GrpcClient): Promise<{ readonly asked: Promise<unknown> }> {
    const mark = this.table.mark;
    const { namespaces } = await client.call(methods.namespaces, {});
    const watched = namespaces.map(({ name }) => name).filter((name) => this.options.watches(name));
    this.namespaces = new Set(watched);
    const present = new Set<string>();
    for (const namespace of watched) await this.readNamespace(client, namespace, present);
    for (const key of this.table.forgetMissing(present, mark)) {
      this.forget(key);
      this.tell(key);
    }
    this.forgetDeparted();
    // A cgroup may go later than its container.
    this.claims.retain((key) => this.table.find(key, false) !== undefined);
    const wanted = [...present].filter((key) => this.wantsDetails(key));
    return { asked: Promise.all(wanted.map((key) => this.files.add(key))) };
  }

  private async readNamespace(client: GrpcClient, namespace: string, present: Set<string>): Promise<void> {
    const options = inNamespace(namespace);
    const { tasks } = await client.call(methods.tasks, {}, options);
    const byId = new Map(tasks.map((task) => [task.id, task]));
    await client.stream(
      methods.containers,
      {},
      ({ container }) => {
        if (container === undefined || container.id === '') return;
        const key = keyOf(namespace, container.id);
        present.add(key);
        // What is being asked about is told anew anyway.
        if (!this.asking.has(key)) this.learn(key, container, byId.get(container.id));
      },
      options,
    );
  }

  private async refresh(key: string): Promise<void> {
    const client = this.client;
    if (client === undefined) return;
    const { namespace, id } = partsOf(key);
    this.asking.set(key, undefined);
    try {
      const options = inNamespace(namespace);
      const [{ container }, task] = await Promise.all([
        client.call(methods.container, { id }, options),
        client.call(methods.task, { containerId: id }, options).then(
          ({ process }) => process,
          (error: unknown) => {
            if (error instanceof EngineError && error.status === GRPC_NOT_FOUND) return undefined;
            throw error;
          },
        ),
      ]);
      if (container === undefined) throw new EngineError(`the description of container ${key} is empty`, undefined);
      // Removed while the engine answered.
      if (this.denied.get(key) === 'removed') return;
      this.failures.delete(key);
      this.learn(key, container, task);
      const end = this.asking.get(key);
      if (end !== undefined && this.table.ended(key, end)) this.tell(key);
      if (this.wantsDetails(key)) void this.files.add(key);
    } catch (error) {
      this.failed(key, error, client);
    } finally {
      this.asking.delete(key);
    }
  }

  private learn(key: string, container: ContainerRecord, task: TaskRecord | undefined): void {
    const { namespace, id } = partsOf(key);
    const spec = parseSpecification(container.spec?.value, id);
    const previous = this.table.find(key, false)?.description;
    const details = this.detailsOf(key, container, spec.root);
    const isNew = this.denied.delete(key) || previous === undefined;
    const described = describeContainer(container, task, spec, this.options.rules, {
      namespace,
      previous: previous?.state,
      startedAt: this.startOf(key, task, previous?.pid),
      storage: details.storage ?? NOT_ASKED,
      imageId: details.imageId,
    });
    warnOfLabels(described, key, this.once);
    const moved = this.claims.set(key, this.cgroupsOf(described, spec.cgroups));
    if (this.table.update(key, described) || isNew || moved) this.tell(key);
  }

  /** What was asked of its files stands as long as they are the same. */
  private detailsOf(key: string, container: ContainerRecord, root: string): Details {
    const { snapshotter, snapshotKey, image } = container;
    const known = this.details.get(key);
    const isSame = (other: Details) =>
      other.snapshotter === snapshotter && other.snapshotKey === snapshotKey && other.image === image;
    if (known !== undefined && isSame(known)) return known;
    const reason = `it has no snapshot: its root file system is ${root === '' ? 'a directory' : root}`;
    const details = { snapshotter, snapshotKey, image, ...(snapshotKey === '' && { storage: { reason } }) };
    this.details.set(key, details);
    return details;
  }

  /** Where the kernel says it is; else where its specification puts it. */
  private cgroupsOf({ description: { pid } }: Described, expected: readonly string[]): readonly string[] {
    const membership = pid === undefined ? undefined : this.options.procText(`${pid}/cgroup`);
    const actual = membership === undefined ? undefined : actualCgroup(membership, expected);
    return actual === undefined ? expected : [actual];
  }

  /** When a task began that nobody saw begin is known to the kernel. */
  private startOf(key: string, task: TaskRecord | undefined, previousPid: number | undefined): number | undefined {
    if (task === undefined || task.pid === 0) return undefined;
    const known = this.starts.get(key);
    if (known !== undefined && (previousPid === undefined || previousPid === task.pid)) return known;
    const { procText, clock } = this.options;
    const ticks = Number(
      procText(`${task.pid}/stat`)
        ?.replace(/^.*\) /s, '')
        .split(' ')[19],
    );
    const uptime = Number(procText('uptime')?.split(' ')[0]);
    if (!(ticks > 0 && uptime > 0)) return known;
    // A tick of /proc is 10 ms on every machine.
    const start = Math.floor(clock.now() - (uptime - ticks / 100) * 1e6);
    this.starts.set(key, start);
    return start;
  }

  private wantsDetails(key: string): boolean {
    const details = this.details.get(key);
    if (details === undefined || this.failures.state(key, this.options.clock.monotonic()) === 'paused') return false;
    const isAlive = this.table.find(key, false)?.description.pid !== undefined;
    return isAlive && (details.storage === undefined || (details.image !== '' && details.imageId === undefined));
  }

  private async askDetails(key: string): Promise<void> {
    const { client } = this;
    const details = this.details.get(key);
    if (client === undefined || details === undefined) return;
    const { snapshotter, snapshotKey, image } = details;
    const options = inNamespace(partsOf(key).namespace);
    try {
      const [storage, imageId] = await Promise.all([
        details.storage ??
          client
            .call(methods.mounts, { snapshotter, key: snapshotKey }, options)
            .then(({ mounts }) => storageOf(snapshotter, mounts), reasonOf),
        details.imageId ??
          (image === ''
            ? undefined
            : client
                .call(methods.image, { name: image }, options)
                .then(({ image }) => image?.target?.digest ?? '', none)),
      ]);
      const known = this.table.find(key, false);
      if (this.details.get(key) !== details || known === undefined) return;
      this.details.set(key, { ...details, storage, imageId: imageId ?? '' });
      const description = { ...known.description, storage, ...(imageId ? { imageId } : {}) };
      if (this.table.update(key, { ...known, description })) this.tell(key);
    } catch (error) {
      this.failed(key, error, client);
    }
  }

  private started(key: string, time: number): void {
    this.table.started(key);
    if (time > 0) this.starts.set(key, time);
  }

  private ended(key: string, end: End): void {
    if (this.asking.has(key)) this.asking.set(key, end);
    this.starts.delete(key);
    if (this.table.ended(key, end)) this.tell(key);
  }

  private removed(key: string): void {
    if (this.forget(key)) this.tell(key);
    this.deny(key, 'removed');
  }

  /** @returns true when what is known of its end changes by it */
  private forget(key: string): boolean {
    this.details.delete(key);
    this.starts.delete(key);
    this.failures.delete(key);
    return this.table.remove(key);
  }

  private deny(key: string, denial: Denial): void {
    if (this.denied.size >= MAX_DENIED) this.denied.delete(this.denied.keys().next().value!);
    this.denied.set(key, denial);
  }

  private failed(key: string, error: unknown, client: GrpcClient): void {
    if (client !== this.client) return;
    if (error instanceof EngineError && error.status === GRPC_NOT_FOUND) {
      if (this.table.has(key)) return;
      this.deny(key, 'unknown');
      this.tell(key);
      return;
    }
    const isFirst = this.failures.size === 0;
    this.failures.add(key, this.options.clock.monotonic());
    if (!isFirst) return;
    // A connection that is lost ends its calls before it ends itself, and is said by itself.
    this.options.timers.after(LOSS_NOTICED, () => {
      if (client !== this.client) return;
      const consequence = 'it keeps what is known of it, and is asked about again after growing pauses';
      this.options.logger.warn(`${messageOf(error)}; ${consequence}; others that fail alike are not listed`, { key });
    });
  }

  private forgetDeparted(): void {
    this.table.forgetDeparted(this.options.clock.now() - this.options.tombstoneFor * 1000);
  }
}

/** A refusal is an answer; anything else is to be asked again. */
function reasonOf(error: unknown): ContainerStorage {
  if (error instanceof EngineError && error.status !== undefined) return { reason: error.message };
  throw error;
}

/** An image may be removed while its containers run. */
function none(error: unknown): string {
  if (error instanceof EngineError && error.status !== undefined) return '';
  throw error;
}
