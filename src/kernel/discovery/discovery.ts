import { setImmediate as nextTurn } from 'node:timers/promises';
import { Token } from '../composition/index.js';
import {
  type CgroupNode,
  Container,
  type ContainerStore,
  isReplaced,
  type KnownCgroups,
  Slot,
} from '../containers/index.js';
import { type CgroupFiles, type Controller, messageOf, Slices } from '../contracts/index.js';
import type { ActivePlugins, Supervisor } from '../supervision/index.js';
import { ControllerReader } from './controllers.js';
import { identify } from './identification.js';
import { PendingQueue, type PendingRetry } from './pending-queue.js';
import { TreeWatcher, type TreeWatcherOptions } from './tree-watcher.js';

export const DISCOVERY = new Token<Discovery>('discovery');

export interface DiscoveryOptions extends TreeWatcherOptions {
  /** The handlers in the order in which they are asked, fallbacks last. */
  readonly plugins: Pick<ActivePlugins, 'of'>;
  /** Notified when a handler throws or returns an invalid answer; it then counts as passing. */
  readonly supervisor: Pick<Supervisor, 'fault'>;
  readonly store: ContainerStore;
  readonly createFiles: (name: string) => CgroupFiles;
  /** Pauses before handlers are asked about a pending cgroup again. Default 1000, doubling up to 60 000. */
  readonly pendingRetry?: PendingRetry;
}

/** How long handlers are asked about cgroups in one turn of the event loop. */
const SLICE_MS = 4;

/** The directories that a container's files were opened in. */
interface Directories {
  readonly node: CgroupNode;
  inodes: readonly number[];
}

const DIRECTORIES = new Slot<Directories>('discovery');

/** Finds the cgroups and their handlers, and keeps the container store up to date. */
export class Discovery {
  private readonly store: ContainerStore;
  private readonly cgroups: KnownCgroups;
  private readonly watcher: TreeWatcher;
  private readonly pending: PendingQueue;
  private readonly controllers: ControllerReader;
  private readonly queue = new Set<string>();
  private timer: NodeJS.Immediate | undefined;

  constructor(private readonly options: DiscoveryOptions) {
    const { hierarchies, store, cgroups, clock } = options;
    this.store = store;
    this.cgroups = cgroups;
    this.controllers = new ControllerReader(hierarchies);
    const retry = options.pendingRetry ?? { firstMs: 1000, maxMs: 60_000 };
    this.pending = new PendingQueue(clock, retry, cgroups.pending, (names) => this.enqueue(names));
    this.watcher = new TreeWatcher(options, (nodes) => this.onChange(nodes));
  }

  /** Walks all hierarchies; the store contains every container when this returns. */
  start(): void {
    this.watcher.start();
  }

  /** Ends all watches and timers. The containers stay in the store. */
  stop(): void {
    this.watcher.stop();
    this.pending.clear();
    this.queue.clear();
    clearImmediate(this.timer);
  }

  /** Examines a cgroup again, one of whose files was gone. */
  recheck(name: string): void {
    this.watcher.recheck(name);
  }

  reconsider(name: string): void {
    this.enqueue([name]);
  }

  /** Asks again about every cgroup that a handler accepted or left pending. */
  reconsiderAll(handlerId: string): void {
    this.enqueue(this.store.all().flatMap((container) => (container.handlerId === handlerId ? [container.name] : [])));
    this.enqueue(this.pending.namesOf(handlerId));
  }

  /** Asks again about every cgroup, after handlers were added, removed or reordered. */
  handlersChanged(): void {
    this.enqueue(this.cgroups.nodes.keys());
  }

  /** Resolves when all requests of handlers have been processed. */
  async whenIdle(): Promise<void> {
    while (this.queue.size > 0) await nextTurn();
  }

  rescanEvery(milliseconds: number): void {
    this.watcher.sweepEvery(milliseconds);
  }

  /** Handlers are asked in a later turn, because they may request it within `identify`. */
  private enqueue(names: Iterable<string>): void {
    if (this.watcher.stopped) return;
    for (const name of names) {
      if (this.cgroups.nodes.has(name)) this.queue.add(name);
      else this.watcher.recheck(name);
    }
    if (this.queue.size > 0) this.timer ??= setImmediate(() => void this.processQueue());
  }

  private async processQueue(): Promise<void> {
    const slices = new Slices(SLICE_MS);
    for (const name of [...this.queue]) {
      if (!this.queue.delete(name)) continue;
      const node = this.cgroups.nodes.get(name);
      if (node !== undefined) this.guard(node, () => this.identify(node));
      if (slices.isOver()) await slices.pause();
    }
    this.timer = undefined;
    this.enqueue([]);
  }

  private onChange(nodes: readonly CgroupNode[]): void {
    const sorted = [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const node of sorted.toReversed()) {
      if (!node.alive || this.wasReplaced(node)) this.guard(node, () => this.remove(node));
    }
    for (const node of sorted) {
      if (node.alive) this.guard(node, () => this.addOrUpdate(node));
    }
  }

  private wasReplaced(node: CgroupNode): boolean {
    const directories = this.store.get(node.name)?.get(DIRECTORIES);
    return directories !== undefined && isReplaced(directories.inodes, node.inodes);
  }

  private remove(node: CgroupNode): void {
    const container = this.store.get(node.name);
    // The name may already be that of a new cgroup.
    if (!node.alive && container !== undefined && container.get(DIRECTORIES)?.node !== node) return;
    this.pending.delete(node.name);
    if (container !== undefined) this.store.remove(container);
    this.notifyRemoved(node.name);
    node.firstSeenAt = this.options.clock.now();
  }

  /** Notifies the handlers that a cgroup is gone, so that they can drop what they know of it. */
  private notifyRemoved(name: string): void {
    for (const { record, instance } of this.options.plugins.of('container-handler')) {
      try {
        instance.forget?.(name);
      } catch (error) {
        this.options.supervisor.fault(record, 'forget', error);
      }
    }
  }

  private addOrUpdate(node: CgroupNode): void {
    const before = this.store.get(node.name);
    this.identify(node);
    const container = this.store.get(node.name);
    const directories = container?.get(DIRECTORIES);
    if (container === undefined || directories === undefined || container !== before) return;
    const controllers = this.controllers.of(node);
    // Equal sets of controllers are the same one.
    if (sameInodes(directories.inodes, node.inodes) && container.controllers === controllers) return;
    directories.inodes = node.inodes.slice();
    this.store.attach(container, this.filesOf(node, controllers));
  }

  private filesOf(node: CgroupNode, controllers: ReadonlySet<Controller>) {
    return {
      cgroup: this.options.createFiles(node.name),
      controllers,
      missing: this.controllers.missing(controllers),
    };
  }

  /** Asks the handlers about a cgroup, and updates the store. */
  private identify(node: CgroupNode): void {
    const result = identify(node.name, this.options.plugins.of('container-handler'), this.options.supervisor);
    const container = this.store.get(node.name);
    if (result?.identification.verdict === 'pending') {
      // An accepted container stays unchanged until the handler decides.
      this.pending.add(node.name, result.handlerId, result.identification.reason);
      return;
    }
    this.pending.delete(node.name);
    if (result?.identification.verdict !== 'accept') {
      if (container !== undefined) this.store.remove(container);
      return;
    }
    const { handlerId } = result;
    const { description } = result.identification;
    if (container === undefined) {
      const { name, firstSeenAt } = node;
      const files = this.filesOf(node, this.controllers.of(node));
      const added = new Container({ name, firstSeenAt, handlerId, description, ...files });
      added.set(DIRECTORIES, { node, inodes: node.inodes.slice() });
      this.store.add(added);
      return;
    }
    // The same cgroup with another handler is the same container and keeps its samples.
    container.handlerId = handlerId;
    this.store.describe(container, description);
  }

  private guard(node: CgroupNode, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.options.logger.error(`cannot process the cgroup ${node.name}: ${messageOf(error)}`);
    }
  }
}

function sameInodes(a: readonly number[], b: readonly number[]): boolean {
  return a.every((inode, index) => inode === b[index]);
}
