import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type CgroupNode,
  Container,
  type ContainerStore,
  isReplaced,
  type KnownCgroups,
  Slot,
} from '../containers/index.js';
import { type Controller, messageOf } from '../contracts/index.js';
import { ControllerReader } from './controllers.js';
import { identify } from './identification.js';
import { PendingQueue } from './pending-queue.js';
import { TreeWatcher } from './tree-watcher.js';
import type { DiscoveryOptions } from './types.js';
import { watchByInotify } from './watch-pool.js';

/** Cgroups asked about in one turn of the event loop. */
const SLICE = 200;

/** The directories that a container's files were opened in. */
interface Directories {
  readonly node: CgroupNode;
  inodes: readonly number[];
}

const DIRECTORIES = new Slot<Directories>('discovery');

/** Finds out which cgroups there are and whose they are, and keeps the container store current. */
export class Discovery {
  private readonly store: ContainerStore;
  private readonly cgroups: KnownCgroups;
  private readonly watcher: TreeWatcher;
  private readonly pending: PendingQueue;
  private readonly controllers: ControllerReader;
  private readonly questions = new Set<string>();
  private asking: NodeJS.Immediate | undefined;

  constructor(private readonly options: DiscoveryOptions) {
    const { hierarchies, store, cgroups, clock, logger } = options;
    this.store = store;
    this.cgroups = cgroups;
    this.controllers = new ControllerReader(hierarchies);
    const retry = options.pendingRetry ?? { firstMs: 1000, longestMs: 60_000 };
    this.pending = new PendingQueue(clock, retry, cgroups.pending, (names) => this.ask(names));
    this.watcher = new TreeWatcher({
      hierarchies,
      cgroups,
      clock,
      logger,
      watchDirectory: options.watchDirectory ?? watchByInotify,
      countsFile: options.countsFile,
      coalesceMs: options.coalesceMs ?? 30,
      checkIntervalMs: options.checkIntervalMs ?? 1000,
      rescanIntervalMs: options.rescanIntervalMs ?? 60_000,
      report: (nodes) => this.onChange(nodes),
    });
  }

  /** Walks all hierarchies; the store holds every container there is when this returns. */
  start(): void {
    this.watcher.start();
  }

  /** Ends all watches and timers. The containers stay in the store. */
  stop(): void {
    this.watcher.stop();
    this.pending.clear();
    this.questions.clear();
    clearImmediate(this.asking);
  }

  /** Looks again at a cgroup whose file said that it is gone. */
  recheck(name: string): void {
    this.watcher.recheck(name);
  }

  /** Asks all handlers anew about a cgroup. */
  reconsider(name: string): void {
    this.ask([name]);
  }

  /** Asks anew about every cgroup that a handler accepted or left pending. */
  reconsiderAll(handlerId: string): void {
    this.ask(this.store.all().flatMap((container) => (container.handlerId === handlerId ? [container.name] : [])));
    this.ask(this.pending.namesOf(handlerId));
  }

  /** Asks anew about every cgroup: handlers came, went or changed places. */
  handlersChanged(): void {
    this.ask(this.cgroups.nodes.keys());
  }

  /** Resolves when every question that handlers asked for is answered. */
  async whenAsked(): Promise<void> {
    while (this.questions.size > 0) await nextTurn();
  }

  /** Looks at the whole tree every so many milliseconds from now on. */
  rescanEvery(milliseconds: number): void {
    this.watcher.sweepEvery(milliseconds);
  }

  /** Questions are put later, so that a handler may ask for them from within `identify`. */
  private ask(names: Iterable<string>): void {
    if (this.watcher.stopped) return;
    for (const name of names) {
      if (this.cgroups.nodes.has(name)) this.questions.add(name);
      else this.watcher.recheck(name);
    }
    if (this.questions.size > 0) this.asking ??= setImmediate(() => this.answer());
  }

  private answer(): void {
    this.asking = undefined;
    let left = SLICE;
    for (const name of this.questions) {
      if (left-- === 0) break;
      this.questions.delete(name);
      const node = this.cgroups.nodes.get(name);
      if (node !== undefined) this.guard(node, () => this.judge(node));
    }
    this.ask([]);
  }

  private onChange(nodes: readonly CgroupNode[]): void {
    const sorted = [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const node of sorted.toReversed()) {
      if (!node.alive || this.wasReplaced(node)) this.guard(node, () => this.vanish(node));
    }
    for (const node of sorted) {
      if (node.alive) this.guard(node, () => this.appear(node));
    }
  }

  private wasReplaced(node: CgroupNode): boolean {
    const directories = this.store.get(node.name)?.get(DIRECTORIES);
    return directories !== undefined && isReplaced(directories.inodes, node.inodes);
  }

  private vanish(node: CgroupNode): void {
    const container = this.store.get(node.name);
    // A dead node's name may already be another cgroup's.
    if (!node.alive && container !== undefined && container.get(DIRECTORIES)?.node !== node) return;
    this.pending.delete(node.name);
    if (container !== undefined) this.store.remove(container);
    this.forget(node.name);
    node.firstSeenAt = this.options.clock.now();
  }

  /** Tells the handlers that a cgroup is gone, so that they need not keep what they know of it. */
  private forget(name: string): void {
    for (const { record, instance } of this.options.plugins.of('container-handler')) {
      try {
        instance.forget?.(name);
      } catch (error) {
        this.options.supervisor.fault(record, 'forget', error);
      }
    }
  }

  private appear(node: CgroupNode): void {
    const before = this.store.get(node.name);
    this.judge(node);
    const container = this.store.get(node.name);
    const directories = container?.get(DIRECTORIES);
    if (container === undefined || directories === undefined || container !== before) return;
    const controllers = this.controllers.of(node);
    if (sameInodes(directories.inodes, node.inodes) && sameControllers(container.controllers, controllers)) return;
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

  /** Asks whose the cgroup is, and makes it so. */
  private judge(node: CgroupNode): void {
    const judgement = identify(node.name, this.options.plugins.of('container-handler'), this.options.supervisor);
    const container = this.store.get(node.name);
    if (judgement?.identification.verdict === 'pending') {
      // A container that was accepted goes on as it was until somebody decides.
      this.pending.add(node.name, judgement.handlerId, judgement.identification.reason);
      return;
    }
    this.pending.delete(node.name);
    if (judgement?.identification.verdict !== 'accept') {
      if (container !== undefined) this.store.remove(container);
      return;
    }
    const { handlerId } = judgement;
    const { description } = judgement.identification;
    if (container === undefined) {
      const { name, firstSeenAt } = node;
      const files = this.filesOf(node, this.controllers.of(node));
      const added = new Container({ name, firstSeenAt, handlerId, description, ...files });
      added.set(DIRECTORIES, { node, inodes: node.inodes.slice() });
      this.store.add(added);
      return;
    }
    // The same cgroup under another handler is the same container: what was counted of it stays.
    container.handlerId = handlerId;
    this.store.describe(container, description);
  }

  private guard(node: CgroupNode, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.options.logger.error(`cannot take up the cgroup ${node.name}: ${messageOf(error)}`);
    }
  }
}

function sameInodes(a: readonly number[], b: readonly number[]): boolean {
  return a.every((inode, index) => inode === b[index]);
}

function sameControllers(a: ReadonlySet<Controller>, b: ReadonlySet<Controller>): boolean {
  return a.size === b.size && [...a].every((controller) => b.has(controller));
}
