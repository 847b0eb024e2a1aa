import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  type CgroupFiles,
  type ContainerDescription,
  type ContainerRegistrar,
  type Controller,
  messageOf,
  type PendingContainer,
} from '../contracts/index.js';
import { type CgroupNode, isReplaced } from './cgroup-node.js';
import { ControllerReader } from './controllers.js';
import { identify } from './identification.js';
import { PendingQueue } from './pending-queue.js';
import { TreeWatcher } from './tree-watcher.js';
import type { RegistryOptions, TrackedContainer } from './types.js';
import { watchByInotify } from './watch-pool.js';

/** Cgroups asked about in one turn of the event loop. */
const SLICE = 200;

/** The containers of the host: which cgroups there are, and whose they are. */
export class ContainerRegistry {
  readonly #options: RegistryOptions;
  readonly #watcher: TreeWatcher;
  readonly #pending: PendingQueue;
  readonly #controllers: ControllerReader;
  readonly #tracked = new Map<string, Container>();
  #sorted: readonly TrackedContainer[] | undefined;
  #questions = new Set<string>();
  #asking: NodeJS.Immediate | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const { hierarchies, clock, logger } = options;
    this.#controllers = new ControllerReader(hierarchies);
    this.#pending = new PendingQueue(clock, options.pendingRetry ?? { first: 1000, longest: 60_000 }, (names) =>
      this.#ask(names),
    );
    this.#watcher = new TreeWatcher({
      hierarchies,
      clock,
      logger,
      watchDirectory: options.watchDirectory ?? watchByInotify,
      countsFile: options.countsFile,
      coalesce: options.coalesce ?? 30,
      checkInterval: options.checkInterval ?? 1000,
      rescanInterval: options.rescanInterval ?? 60_000,
      report: (nodes) => this.#onChange(nodes),
    });
  }

  /** Walks all hierarchies; the listener knows every container there is when this resolves. */
  async start(): Promise<void> {
    this.#watcher.start();
  }

  /** Ends all watches and timers. The containers stay readable; the listener is told nothing more. */
  stop(): void {
    this.#watcher.stop();
    this.#pending.clear();
    this.#questions.clear();
    clearImmediate(this.#asking);
  }

  get(name: string): TrackedContainer | undefined {
    return this.#tracked.get(name);
  }

  /** All containers, sorted by name. */
  all(): readonly TrackedContainer[] {
    this.#sorted ??= [...this.#tracked.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#sorted;
  }

  /** Absolute names of the cgroups directly below, monitored or not, in any hierarchy, sorted. */
  children(name: string): readonly string[] {
    const node = this.#watcher.tree.nodes.get(name);
    return node === undefined ? [] : [...node.children.values()].map((child) => child.name).sort();
  }

  /** Cgroups that wait for their handler, sorted by name. */
  pending(): readonly PendingContainer[] {
    return this.#pending.list();
  }

  /** The directories that have an inotify watch, by cgroup name, sorted. */
  watchedDirectories(): readonly { readonly name: string; readonly directories: readonly string[] }[] {
    return this.#watcher.tree.watched().sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** How many inotify watches are in use. */
  get watchCount(): number {
    return this.#watcher.tree.watched().reduce((sum, { directories }) => sum + directories.length, 0);
  }

  /** Whether the kernel gives no more watches, so that new cgroups are found late. */
  get watchesExhausted(): boolean {
    return this.#watcher.exhausted;
  }

  /** Looks again at a cgroup whose file said that it is gone. */
  recheck(name: string): void {
    this.#watcher.recheck(name);
  }

  /** Asks anew about every cgroup: handlers came, went or changed places. */
  handlersChanged(): void {
    this.#ask(this.#watcher.tree.nodes.keys());
  }

  /** Resolves when every question that handlers asked for is answered. */
  async whenAsked(): Promise<void> {
    while (this.#questions.size > 0) await nextTurn();
  }

  /** Looks at the whole tree every so many milliseconds from now on. */
  rescanEvery(milliseconds: number): void {
    this.#watcher.sweepEvery(milliseconds);
  }

  /** What a handler may tell. */
  registrar(handlerId: string): ContainerRegistrar {
    return {
      reconsider: (path) => {
        this.#ask([path]);
      },
      reconsiderAll: () => {
        this.#ask(this.all().flatMap((container) => (container.handlerId === handlerId ? [container.name] : [])));
        this.#ask(this.#pending.namesOf(handlerId));
      },
      findingsChanged: () => this.#options.listener.findingsChanged(),
    };
  }

  /** Questions are put later, so that a handler may ask for them from within `identify`. */
  #ask(names: Iterable<string>): void {
    if (this.#watcher.stopped) return;
    for (const name of names) {
      if (this.#watcher.tree.nodes.has(name)) this.#questions.add(name);
      else this.#watcher.recheck(name);
    }
    if (this.#questions.size > 0) this.#asking ??= setImmediate(() => this.#answer());
  }

  #answer(): void {
    this.#asking = undefined;
    let left = SLICE;
    for (const name of this.#questions) {
      if (left-- === 0) break;
      this.#questions.delete(name);
      const node = this.#watcher.tree.nodes.get(name);
      if (node !== undefined) this.#guard(node, () => this.#judge(node));
    }
    this.#ask([]);
  }

  #onChange(nodes: readonly CgroupNode[]): void {
    const sorted = [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const node of sorted.toReversed()) {
      if (!node.alive || this.#isReplaced(node)) this.#guard(node, () => this.#vanish(node));
    }
    for (const node of sorted) {
      if (node.alive) this.#guard(node, () => this.#appear(node));
    }
  }

  #isReplaced(node: CgroupNode): boolean {
    const container = this.#tracked.get(node.name);
    return container !== undefined && isReplaced(container.inodes, node.inodes);
  }

  #vanish(node: CgroupNode): void {
    const container = this.#tracked.get(node.name);
    // A dead node's name may already be another cgroup's.
    if (!node.alive && container !== undefined && container.node !== node) return;
    this.#pending.delete(node.name);
    if (container !== undefined) this.#remove(container);
    node.firstSeenAt = this.#options.clock.now();
  }

  #appear(node: CgroupNode): void {
    const before = this.#tracked.get(node.name);
    this.#judge(node);
    const container = this.#tracked.get(node.name);
    if (container === undefined || container !== before) return;
    const controllers = this.#controllers.of(node);
    if (sameInodes(container.inodes, node.inodes) && sameControllers(container.controllers, controllers)) return;
    this.#attach(container, controllers);
    this.#tell(() => this.#options.listener.controllersChanged(container));
  }

  /** Asks whose the cgroup is, and makes it so. */
  #judge(node: CgroupNode): void {
    const judgement = identify(node.name, this.#options.handlers(), this.#options.onFault);
    const container = this.#tracked.get(node.name);
    if (judgement?.identification.verdict === 'pending') {
      // A container that was accepted goes on as it was until somebody decides.
      this.#pending.add(node.name, judgement.handlerId, judgement.identification.reason);
      return;
    }
    this.#pending.delete(node.name);
    if (judgement?.identification.verdict !== 'accept') {
      if (container !== undefined) this.#remove(container);
      return;
    }
    const { description } = judgement.identification;
    if (container === undefined) {
      this.#add(node, judgement.handlerId, description);
      return;
    }
    // The same cgroup under another handler is the same container: what was counted of it stays.
    container.handlerId = judgement.handlerId;
    this.#describe(container, description);
  }

  #describe(container: Container, description: ContainerDescription): void {
    const previous = container.description;
    if (previous === description || isDeepStrictEqual(previous, description)) return;
    container.description = description;
    this.#tell(() => this.#options.listener.descriptionChanged(container, previous));
  }

  #add(node: CgroupNode, handlerId: string, description: ContainerDescription): void {
    const files = this.#options.createFiles(node.name);
    const container = new Container(node, handlerId, description, files, this.#controllers);
    this.#tracked.set(node.name, container);
    this.#sorted = undefined;
    this.#tell(() => this.#options.listener.added(container));
  }

  #attach(container: Container, controllers: ReadonlySet<Controller>): void {
    container.cgroup = this.#options.createFiles(container.name);
    container.controllers = controllers;
    container.inodes = container.node.inodes.slice();
  }

  #remove(container: Container): void {
    this.#tracked.delete(container.name);
    this.#sorted = undefined;
    this.#tell(() => this.#options.listener.removed(container));
  }

  #guard(node: CgroupNode, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.logger.error(`cannot take up the cgroup ${node.name}: ${messageOf(error)}`);
    }
  }

  /** One listener's fault must not keep the registry from going on. */
  #tell(news: () => void): void {
    try {
      news();
    } catch (error) {
      this.#options.logger.error(`a change of the containers was not taken up: ${messageOf(error)}`);
    }
  }
}

class Container implements TrackedContainer {
  readonly name: string;
  readonly firstSeenAt: number;
  controllers: ReadonlySet<Controller>;
  /** The directories' inode numbers that `cgroup` was made for. */
  inodes: readonly number[];

  constructor(
    readonly node: CgroupNode,
    public handlerId: string,
    public description: ContainerDescription,
    public cgroup: CgroupFiles,
    readonly reader: ControllerReader,
  ) {
    this.name = node.name;
    this.firstSeenAt = node.firstSeenAt;
    this.inodes = node.inodes.slice();
    this.controllers = reader.of(node);
  }

  get missing(): readonly { readonly what: string; readonly reason: string }[] {
    return this.reader.missing(this.controllers);
  }
}

function sameInodes(a: readonly number[], b: readonly number[]): boolean {
  return a.every((inode, index) => inode === b[index]);
}

function sameControllers(a: ReadonlySet<Controller>, b: ReadonlySet<Controller>): boolean {
  return a.size === b.size && [...a].every((controller) => b.has(controller));
}
