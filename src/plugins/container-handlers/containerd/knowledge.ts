import type { ContainerStorage, PluginContext } from '../../../kernel/contracts/index.js';
import {
  type Described,
  EngineError,
  EngineKnowledge,
  type EngineOptions,
  type GrpcClient,
  RefreshQueue,
} from '../common/index.js';
import { type ContainerRecord, methods, type TaskRecord } from './api.js';
import { actualCgroup, PathClaims } from './cgroup.js';
import { describeContainer, parseSpecification, storageOf } from './describe.js';
import type { ContainerdEvent } from './events.js';

const PARALLEL_CALLS = 16;
const NOT_ASKED: ContainerStorage = { reason: 'containerd has not reported the mounts of its snapshot yet' };

export interface KnowledgeOptions extends EngineOptions {
  /** Whether the containers of a namespace are this handler's. */
  watches(namespace: string): boolean;
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

/** What is known of containerd's containers, by namespace. */
export class ContainerdKnowledge extends EngineKnowledge<GrpcClient, KnowledgeOptions> {
  /** Which container each cgroup belongs to. */
  readonly claims = new PathClaims((key) => this.table.find(key, false)?.description.pid !== undefined);
  private readonly details = new Map<string, Details>();
  /** When the present run began, µs since the epoch. */
  private readonly starts = new Map<string, number>();
  private readonly files = new RefreshQueue(PARALLEL_CALLS, (key) => this.askDetails(key));
  private namespaces: ReadonlySet<string> = new Set(['default']);

  constructor(context: PluginContext, options: KnowledgeOptions, changed: (key: string) => void) {
    super(context, options, changed, PARALLEL_CALLS);
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

  get watched(): ReadonlySet<string> {
    return this.namespaces;
  }

  override disconnected(): void {
    super.disconnected();
    this.files.clear();
  }

  event({ namespace, id, kind, time, end }: ContainerdEvent): void {
    if (!this.options.watches(namespace)) return;
    const key = keyOf(namespace, id);
    if (kind === 'removed') this.removed(key);
    else if (kind === 'outOfMemory') this.ranOutOfMemory(key);
    else if (kind === 'ended') {
      this.starts.delete(key);
      this.runEnded(key, end ?? { time });
    } else {
      if (kind === 'started') this.taskStarted(key, time);
      void this.changedAtEngine(key);
    }
  }

  async resync(client: GrpcClient): Promise<{ readonly asked: Promise<unknown> }> {
    const mark = this.table.mark;
    const { namespaces } = await client.call(methods.namespaces, {});
    const watched = namespaces.map(({ name }) => name).filter((name) => this.options.watches(name));
    this.namespaces = new Set(watched);
    const present = new Set<string>();
    for (const namespace of watched) await this.readNamespace(client, namespace, present, mark);
    this.retain(present, mark);
    // A cgroup may go later than its container.
    this.claims.retain((key) => this.table.find(key, false) !== undefined);
    const wanted = [...present].filter((key) => this.wantsDetails(key));
    return { asked: Promise.all(wanted.map((key) => this.files.add(key))) };
  }

  private async readNamespace(
    client: GrpcClient,
    namespace: string,
    present: Set<string>,
    mark: number,
  ): Promise<void> {
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
        // The answer under way is newer than the list.
        if (this.isAsking(key)) return;
        // Its task may have changed after the tasks were listed.
        if (this.table.isNewerThan(key, mark)) void this.queue.add(key);
        else this.takeRecord(key, container, byId.get(container.id));
      },
      options,
    );
  }

  protected async refresh(client: GrpcClient, key: string): Promise<void> {
    const { namespace, id } = partsOf(key);
    const options = inNamespace(namespace);
    const [{ container }, task] = await Promise.all([
      client.call(methods.container, { id }, options),
      client.call(methods.task, { containerId: id }, options).then(
        ({ process }) => process,
        (error: unknown) => {
          if (error instanceof EngineError && error.isNotFound) return undefined;
          throw error;
        },
      ),
    ]);
    if (container === undefined) throw new EngineError(`the description of container ${key} is empty`, undefined);
    this.takeAnswer(key, () => this.takeRecord(key, container, task));
    if (this.wantsDetails(key)) void this.files.add(key);
  }

  private takeRecord(key: string, container: ContainerRecord, task: TaskRecord | undefined): void {
    const { namespace, id } = partsOf(key);
    const spec = parseSpecification(container.spec?.value, id);
    const previous = this.table.find(key, false)?.description;
    const details = this.detailsOf(key, container, spec.root);
    const described = describeContainer(container, task, spec, this.options, {
      namespace,
      previous: previous?.state,
      startedAt: this.startOf(key, task, previous?.pid),
      storage: details.storage ?? NOT_ASKED,
      imageId: details.imageId,
    });
    const hasMoved = this.claims.set(key, this.cgroupsOf(described, spec.cgroups));
    this.learn(key, described, hasMoved);
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

  /** Its cgroup according to the kernel, or else according to its specification. */
  private cgroupsOf({ description: { pid } }: Described, expected: readonly string[]): readonly string[] {
    const membership = pid === undefined ? undefined : this.context.linux.procText(`${pid}/cgroup`);
    const actual = membership === undefined ? undefined : actualCgroup(membership, expected);
    return actual === undefined ? expected : [actual];
  }

  /** The start of a task: from its event, or from the kernel when there was no event. */
  private startOf(key: string, task: TaskRecord | undefined, previousPid: number | undefined): number | undefined {
    if (task === undefined || task.pid === 0) return undefined;
    const known = this.starts.get(key);
    if (known !== undefined && (previousPid === undefined || previousPid === task.pid)) return known;
    const { linux, clock } = this.context;
    const ticks = Number(
      linux
        .procText(`${task.pid}/stat`)
        ?.replace(/^.*\) /s, '')
        .split(' ')[19],
    );
    const uptime = Number(linux.procText('uptime')?.split(' ')[0]);
    if (!(ticks > 0 && uptime > 0)) return known;
    // A tick of /proc is 10 ms on every machine.
    const start = Math.floor(clock.now() - (uptime - ticks / 100) * 1e6);
    this.starts.set(key, start);
    return start;
  }

  private wantsDetails(key: string): boolean {
    const details = this.details.get(key);
    if (details === undefined || this.isPaused(key)) return false;
    const isAlive = this.table.find(key, false)?.description.pid !== undefined;
    return isAlive && (details.storage === undefined || (details.image !== '' && details.imageId === undefined));
  }

  private async askDetails(key: string): Promise<void> {
    const { client } = this;
    const details = this.details.get(key);
    if (client === undefined || details === undefined) return;
    const { snapshotter, snapshotKey, image } = details;
    const options = inNamespace(partsOf(key).namespace);
    await this.attempt(key, client, async () => {
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
      if (this.table.update(key, { ...known, description })) this.changed(key);
    });
  }

  private taskStarted(key: string, time: number): void {
    this.runStarted(key);
    if (time > 0) this.starts.set(key, time);
  }

  protected override forget(key: string): boolean {
    this.details.delete(key);
    this.starts.delete(key);
    return super.forget(key);
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
