import type { EngineInfo, RuntimeInfo } from '../../../kernel/contracts/index.js';
import { type Described, EngineKnowledge, type GrpcClient } from '../common/index.js';
import { isPodId, podId } from './cgroup-path.js';
import {
  type ContainerDetails,
  containerDetails,
  describeContainer,
  describePod,
  describeSandbox,
  type KnownSandbox,
  newestOf,
  processDetails,
  type SandboxDetails,
  sandboxDetails,
} from './describe.js';
import {
  CONTAINER_STATES,
  type criMethods,
  type Image,
  isReady,
  isRunning,
  type ListedContainer,
  type ListedSandbox,
} from './messages.js';
import type { CriRules } from './options.js';

/**
 * A sandbox's cgroup is there before its runtime lists the sandbox, and a container's is gone before its runtime knows that it
 * ended: the runtime is asked again after these pauses, ms.
 */
const ASK_AGAIN_MS = [250, 500, 1000];

export interface CriSession {
  readonly client: GrpcClient;
  readonly methods: ReturnType<typeof criMethods>;
  readonly rules: CriRules;
}

interface Sandbox extends KnownSandbox {
  details: SandboxDetails | undefined;
  listed: ListedSandbox;
  readonly containers: Set<string>;
}

interface Container {
  listed: ListedContainer;
  details: ContainerDetails | undefined;
}

/**
 * What is known of a runtime's pods, sandboxes and containers. All are listed at the beginning and now and then; in between
 * single ones are asked about when an event, a new cgroup or the end of one gives a reason.
 */
export class PodKnowledge extends EngineKnowledge<CriSession, CriRules> {
  private readonly sandboxes = new Map<string, Sandbox>();
  private readonly containers = new Map<string, Container>();
  /** Ids of sandboxes by the UID of their pod; a pod whose sandbox was made anew has several. */
  private readonly pods = new Map<string, Set<string>>();
  /** How often an id that the runtime did not know was asked about. */
  private readonly misses = new Map<string, number>();
  /** How often a container whose cgroup is gone was still called running. */
  private readonly gone = new Map<string, number>();
  /** Ids that were just listed: only their status is missing. */
  private readonly justListed = new Set<string>();
  private images: readonly Image[] = [];
  private readonly imageNames = new Map<string, string>();
  private rules = this.options;

  override get size(): number {
    return this.containers.size;
  }

  override connected(session: CriSession): void {
    super.connected(session);
    this.rules = session.rules;
    this.misses.clear();
    this.gone.clear();
  }

  override disconnected(): void {
    super.disconnected();
    this.justListed.clear();
  }

  /** Something happened to a container or sandbox. */
  event(id: string): void {
    void this.changedAtEngine(id);
  }

  /** The cgroup is gone: how it ended is asked when that is not known yet. */
  ended(id: string): void {
    const known = this.table.find(id, false)?.description;
    if (known === undefined || known.state.status === 'exited' || isPodId(id)) return;
    this.gone.set(id, 0);
    this.ask(id);
  }

  info({ version, apiVersion }: RuntimeInfo): EngineInfo {
    const states = [...this.containers.values()].map(({ listed }) => CONTAINER_STATES[listed.state]);
    const running = states.filter((state) => state === 'running').length;
    const unknown = { kernelVersion: '', os: '', hostname: '', rootDirectory: '', storageDriver: '', cgroupDriver: '' };
    return {
      ...unknown,
      version,
      apiVersion,
      storageStatus: [],
      containers: { total: states.length, running, paused: 0, stopped: states.length - running },
      images: this.images.map(({ id, tags, size }) => ({ id, tags, size, createdAt: 0 })),
    };
  }

  /** Names are in the lists. The status is waited for as well, since probes are attached again once it gives the process. */
  async resync({ client, methods }: CriSession, everything: boolean): Promise<{ readonly asked: Promise<unknown> }> {
    const mark = this.table.mark;
    const before = [...this.sandboxes.keys()];
    const [{ items }, { containers }, images] = await Promise.all([
      client.call(methods.sandboxes, {}),
      client.call(methods.containers, {}),
      // An image service of its own is possible; names of images are in the status as well.
      client.call(methods.images, {}).catch(() => ({ images: [] as readonly Image[] })),
    ]);
    this.learnImages(images.images);
    const present = new Set<string>();
    const wanted: string[] = [];
    for (const listed of items) {
      present.add(listed.id);
      present.add(podId(listed.metadata?.uid ?? ''));
      if (this.takeSandbox(listed) || (everything && isReady(listed))) wanted.push(listed.id);
    }
    for (const listed of containers) {
      present.add(listed.id);
      if (this.takeContainer(listed) || (everything && isRunning(listed))) wanted.push(listed.id);
    }
    this.retain(present, mark);
    for (const id of before) if (!present.has(id)) this.drop(id);
    const due = wanted.filter((id) => !this.isPaused(id));
    for (const id of due) this.justListed.add(id);
    return { asked: Promise.all(due.map((id) => this.queue.add(id))) };
  }

  private learnImages(images: readonly Image[]): void {
    this.images = images;
    this.imageNames.clear();
    for (const { id, tags, digests } of images) {
      const [name] = tags.length > 0 ? tags : digests;
      if (name !== undefined) for (const reference of [id, ...digests]) this.imageNames.set(reference, name);
    }
  }

  /** @returns whether its status should be asked */
  private takeSandbox(listed: ListedSandbox): boolean {
    const known = this.sandboxes.get(listed.id);
    const isNews = known === undefined || known.listed.state !== listed.state;
    const isOver = known === undefined && !isReady(listed);
    // A pod that ended before the agent found it has no cgroup, but its containers may still be listed.
    if (known === undefined) {
      this.sandboxes.set(listed.id, { listed, details: undefined, containers: new Set() });
      const uid = listed.metadata?.uid ?? '';
      const ofPod = this.pods.get(uid) ?? new Set();
      this.pods.set(uid, ofPod.add(listed.id));
    } else known.listed = listed;
    if (isNews && !isOver) this.describeSandbox(listed.id);
    return isNews && isReady(listed);
  }

  /** @returns whether its status should be asked */
  private takeContainer(listed: ListedContainer): boolean {
    const known = this.containers.get(listed.id);
    if (known === undefined && !isRunning(listed) && listed.state !== 0) return false;
    const isNews = known === undefined || known.listed.state !== listed.state;
    this.containers.set(listed.id, { listed, details: known?.details });
    this.sandboxes.get(listed.sandboxId)?.containers.add(listed.id);
    if (isNews) this.describeContainer(listed.id);
    return isNews;
  }

  private describeSandbox(id: string): void {
    const sandbox = this.sandboxes.get(id)!;
    this.learn(id, describeSandbox(sandbox, this.rules));
    const uid = sandbox.listed.metadata?.uid ?? '';
    const newest = newestOf([...this.pods.get(uid)!].map((one) => this.sandboxes.get(one)!));
    if (newest === sandbox) this.learn(podId(uid), describePod(sandbox, this.rules));
    // Those whose status is yet to come are described with it.
    for (const one of sandbox.containers) if (!this.justListed.has(one)) this.describeContainer(one);
  }

  private describeContainer(id: string): void {
    const { listed, details } = this.containers.get(id)!;
    const sandbox = this.sandboxes.get(listed.sandboxId);
    const nameOf = (reference: string): string => this.imageNames.get(reference) ?? '';
    this.learn(id, describeContainer({ listed, details, sandbox }, this.rules, nameOf));
  }

  protected override learn(id: string, described: Described): void {
    this.misses.delete(id);
    super.learn(id, described);
  }

  /** Asks what an id is, unless that was just listed, and for its status. */
  protected async refresh(session: CriSession, id: string): Promise<void> {
    const isThere = this.justListed.delete(id) || (await this.list(session, id));
    if (session !== this.client) return;
    if (!isThere) this.notFound(id);
    else if (this.containers.has(id)) await this.askContainer(session, id);
    else if (this.sandboxes.has(id)) await this.askSandbox(session, id);
    this.checkGone(id);
  }

  /** Asks again about a container whose cgroup is gone and which the runtime still calls running. */
  private checkGone(id: string): void {
    if (!this.gone.has(id)) return;
    if (this.table.find(id, false)?.description.state.status === 'running') this.askAgain(this.gone, id);
    else this.gone.delete(id);
  }

  /** @param asked how often that was done already, by id @returns false when it was done often enough */
  private askAgain(asked: Map<string, number>, id: string): boolean {
    const before = asked.get(id) ?? 0;
    const pause = ASK_AGAIN_MS[before];
    if (pause === undefined) asked.delete(id);
    else {
      asked.set(id, before + 1);
      this.context.timers.after(pause, () => this.ask(id));
    }
    return pause !== undefined;
  }

  /** @returns whether the runtime lists it */
  private async list({ client, methods }: CriSession, id: string): Promise<boolean> {
    const takeSandboxes = async (filter: { id?: string; labels?: Record<string, string> }): Promise<boolean> => {
      const { items } = await client.call(methods.sandboxes, { filter: { id: '', labels: {}, ...filter } });
      for (const item of items) if (this.takeSandbox(item)) this.askStatus(item.id, id);
      return items.length > 0;
    };
    if (isPodId(id)) {
      return takeSandboxes({ labels: { 'io.kubernetes.pod.uid': id.slice(podId('').length) } });
    }
    if (this.sandboxes.has(id)) return takeSandboxes({ id });
    const { containers } = await client.call(methods.containers, { filter: { id } });
    const [listed] = containers;
    if (listed === undefined) return takeSandboxes({ id });
    if (!this.sandboxes.has(listed.sandboxId)) await takeSandboxes({ id: listed.sandboxId });
    this.takeContainer(listed);
    return true;
  }

  /** @param asking the id whose status is being asked already */
  private askStatus(id: string, asking: string): void {
    if (id === asking) return;
    this.justListed.add(id);
    this.ask(id);
  }

  private async askContainer({ client, methods }: CriSession, id: string): Promise<void> {
    const { status, info } = await client.call(methods.container, { id, verbose: true });
    const known = this.containers.get(id);
    if (status === undefined || known === undefined) return;
    const details = containerDetails(status, processDetails(info, this.context.linux), known.details);
    this.containers.set(id, { listed: { ...known.listed, state: status.state }, details });
    this.describeContainer(id);
  }

  private async askSandbox({ client, methods }: CriSession, id: string): Promise<void> {
    const { status, info } = await client.call(methods.sandbox, { id, verbose: true });
    const known = this.sandboxes.get(id);
    if (status === undefined || known === undefined) return;
    known.details = sandboxDetails(status, processDetails(info, this.context.linux), known.details);
    known.listed = { ...known.listed, state: status.state };
    this.describeSandbox(id);
  }

  /** The runtime does not list it (any more, or yet). */
  protected override notFound(id: string): void {
    if (this.table.has(id)) {
      this.table.ended(id, { time: this.context.clock.now() });
      this.drop(id);
      this.deny(id, 'removed');
      return;
    }
    if (this.askAgain(this.misses, id)) return;
    this.deny(id, 'unknown');
    this.changed(id);
  }

  /** The runtime has removed it; its end is remembered. */
  protected override drop(id: string): void {
    const container = this.containers.get(id);
    if (container !== undefined) this.sandboxes.get(container.listed.sandboxId)?.containers.delete(id);
    this.containers.delete(id);
    const uid = this.sandboxes.get(id)?.listed.metadata?.uid ?? '';
    this.sandboxes.delete(id);
    const ofPod = this.pods.get(uid);
    ofPod?.delete(id);
    if (ofPod?.size === 0) {
      this.pods.delete(uid);
      this.table.remove(podId(uid));
    }
    super.drop(id);
  }
}
