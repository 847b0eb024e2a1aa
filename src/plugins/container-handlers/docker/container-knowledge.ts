import { type Clock, type Logger, messageOf, type Timers } from '../../../kernel/contracts/index.js';
import {
  ContainerTable,
  type Denial,
  type Described,
  type DescribeRules,
  EngineError,
  InspectFailures,
  type KnownContainer,
  type KnownEnd,
  OnceLogger,
  RefreshQueue,
  warnOfLabels,
} from '../common/index.js';
import type { EngineClient } from './client.js';
import { describeContainer, describeSummary } from './describe.js';
import type { Endpoint } from './endpoint.js';
import { type ContainerSummary, type EngineEvent, parseSummaries } from './events.js';

const PARALLEL_INSPECTS = 4;
const MAX_DENIED = 1024;
/** An engine counts a failed health probe shortly after it tells that the probe's command ended. */
const HEALTH_DELAY = 1000;

/** Actions that change nothing that is published. */
const IRRELEVANT: ReadonlySet<string> = new Set(
  'exec_create exec_start exec_detach exec attach detach top resize copy archive-path extract-to-dir export commit kill'.split(
    ' ',
  ),
);

export interface KnowledgeOptions {
  readonly endpoint: Endpoint;
  /** Time limit of a call, ms. */
  readonly timeout: number;
  /** How long the end of a container is remembered, ms. */
  readonly tombstoneFor: number;
  readonly rules: DescribeRules;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Text of `/proc/<pid>/mountinfo`. */
  mountinfo(pid: number): string | undefined;
}

/** What an engine said of its containers: fed by its events and lists, it inspects what changed. */
export class ContainerKnowledge {
  private readonly options: KnowledgeOptions;
  private readonly tell: (id: string) => void;
  private readonly table = new ContainerTable();
  private readonly denied = new Map<string, Denial>();
  private readonly summaries = new Map<string, ContainerSummary>();
  private readonly queue = new RefreshQueue(PARALLEL_INSPECTS, (id) => this.refresh(id));
  private readonly failures: InspectFailures;
  private readonly healthChecks = new Set<string>();
  /** Containers being inspected, with the end that came meanwhile: an answer may be older than it. */
  private readonly inspecting = new Map<string, EngineEvent | undefined>();
  private readonly once: OnceLogger;
  private client: EngineClient | undefined;

  /** @param changed told when a description changed, and when the engine answered about an id */
  constructor(options: KnowledgeOptions, changed: (id: string) => void) {
    this.options = options;
    this.tell = changed;
    this.failures = new InspectFailures(options.timeout);
    this.once = new OnceLogger(options.logger);
  }

  get size(): number {
    return this.table.size;
  }

  /** A connection to ask was made. What was refused on an earlier one is asked again. */
  connected(client: EngineClient): void {
    this.client = client;
    this.denied.clear();
    this.failures.clear();
  }

  /** The connection is lost; what is known stays. */
  disconnected(): void {
    this.client = undefined;
    this.queue.clear();
  }

  /** @param stale whether to mark the description as out of date */
  find(id: string, stale: boolean): KnownContainer | undefined {
    return this.table.find(id, stale);
  }

  /** Why the engine has no such container; `undefined` when it has one or was not asked. */
  denial(id: string): Denial | undefined {
    return this.denied.get(id);
  }

  /** Asks the engine about an id; `changed` tells the answer. */
  ask(id: string): void {
    if (this.client === undefined) return;
    if (this.failures.state(id, this.options.clock.monotonic()) !== 'paused') void this.queue.add(id);
  }

  /** Containers that ended within `tombstoneFor`, oldest first. */
  departed(): KnownEnd[] {
    this.table.forgetDeparted(this.options.clock.now() - this.options.tombstoneFor * 1000);
    return this.table.departed();
  }

  /** Takes in an event. */
  event(event: EngineEvent): void {
    if (IRRELEVANT.has(event.action)) return;
    const { id } = event;
    if (event.action === 'exec_die') {
      this.probeEnded(event);
      return;
    }
    if (event.action === 'die' && this.inspecting.has(id)) this.inspecting.set(id, event);
    const changed = this.apply(event);
    if (event.action === 'destroy') {
      // Else nobody is told: the cgroup is gone already, or its processes cannot be killed and it keeps its name.
      if (this.forget(id)) this.tell(id);
      this.deny(id, 'removed');
      return;
    }
    this.denied.delete(id);
    if (changed) this.tell(id);
    void this.queue.add(id);
  }

  /** @returns true when it changes what is known */
  private apply(event: EngineEvent): boolean {
    if (event.action === 'start') this.table.started(event.id);
    if (event.action === 'oom') this.table.outOfMemory(event.id);
    return event.action === 'die' && this.table.ended(event.id, event);
  }

  /** A failed probe lengthens the failing streak without a `health_status` event of its own. */
  private probeEnded(event: EngineEvent): void {
    const health = this.table.find(event.id, false)?.description.state.health;
    if (health === undefined || (event.exitCode === 0 && health.failingStreak === 0)) return;
    if (this.healthChecks.has(event.id)) return;
    this.healthChecks.add(event.id);
    this.options.timers.after(HEALTH_DELAY, () => {
      this.healthChecks.delete(event.id);
      if (this.client !== undefined) void this.queue.add(event.id);
    });
  }

  /**
   * Compares the full list with what is known, and inspects what changed.
   * @param everything also inspects the running containers that look unchanged: events may have been missed
   * @returns settles when the list was answered; `inspected` when everything in it is known
   * @throws EngineError when the engine does not answer with a list
   */
  async resync(client: EngineClient, everything: boolean): Promise<{ readonly inspected: Promise<unknown> }> {
    const mark = this.table.mark;
    const summaries = parseSummaries(await client.list());
    if (summaries === undefined) {
      throw new EngineError(`${this.options.endpoint.url} answered the list of containers with something else`, 200);
    }
    this.summaries.clear();
    for (const summary of summaries) if (isAlive(summary)) this.summaries.set(summary.id, summary);
    const present = new Set(summaries.map(({ id }) => id));
    for (const id of this.table.forgetMissing(present, mark)) {
      this.succeeded(id);
      this.tell(id);
    }
    this.table.forgetDeparted(this.options.clock.now() - this.options.tombstoneFor * 1000);
    const wanted = summaries.filter((summary) => this.needsInspect(summary, everything));
    return { inspected: Promise.all(wanted.map(({ id }) => this.queue.add(id))) };
  }

  private needsInspect(summary: ContainerSummary, everything: boolean): boolean {
    const failure = this.failures.state(summary.id, this.options.clock.monotonic());
    if (failure !== undefined) return failure === 'due';
    const known = this.table.find(summary.id, false)?.description;
    if (known === undefined) return isAlive(summary);
    if (everything && isAlive(summary)) return true;
    return known.state.status !== summary.state || (summary.name !== '' && known.aliases[0] !== summary.name);
  }

  private async refresh(id: string): Promise<void> {
    const client = this.client;
    if (client === undefined) return;
    const denied = this.denied.has(id);
    this.inspecting.set(id, undefined);
    try {
      const answer = await client.inspect(id);
      const end = this.inspecting.get(id);
      // Removed while the engine answered: ids are never used again, so the removal has the last word.
      const removed = !denied && this.denied.has(id);
      if (removed && end === undefined) return;
      const described = this.describe(id, answer);
      if (described === undefined) throw new EngineError(`the description of container ${id} is malformed`, 200);
      this.succeeded(id);
      if (end === undefined) this.learn(id, described);
      else this.learnEnd(id, described, end, removed);
    } catch (error) {
      if (client === this.client) this.inspectFailed(id, error);
    } finally {
      this.inspecting.delete(id);
    }
  }

  /** Its run ended while the engine answered: the answer may call it running, and may be the last one. */
  private learnEnd(id: string, described: Described, end: EngineEvent, removed: boolean): void {
    this.table.update(id, described);
    this.apply(end);
    if (removed) this.table.remove(id);
    else this.tell(id);
  }

  private describe(id: string, answer: unknown): Described | undefined {
    const previous = this.table.find(id, false)?.description;
    const described = describeContainer(answer, this.options.rules, {
      previousExit: this.table.previousExit(id),
      previousStorage: previous?.storage,
      previousHealth: previous?.state.health,
      now: this.options.clock.now(),
      mountinfo: (pid) => this.options.mountinfo(pid),
    });
    if (described !== undefined) warnOfLabels(described, described.description.aliases[0] ?? id, this.once);
    return described;
  }

  private learn(id: string, described: Described): void {
    const asked = this.denied.delete(id) || this.table.find(id, false) === undefined;
    if (this.table.update(id, described) || asked) this.tell(id);
  }

  /** The container was removed. What is known of its end stays. @returns true when that changes by it */
  private forget(id: string): boolean {
    this.summaries.delete(id);
    this.succeeded(id);
    return this.table.remove(id);
  }

  private deny(id: string, denial: Denial): void {
    if (this.denied.size >= MAX_DENIED) this.denied.delete(this.denied.keys().next().value!);
    this.denied.set(id, denial);
  }

  private succeeded(id: string): void {
    if (this.failures.delete(id)) this.options.logger.info('all containers can be inspected again');
  }

  private inspectFailed(id: string, error: unknown): void {
    if (error instanceof EngineError && error.status === 404) {
      // Just removed: its `die` and `destroy` are on their way and tell how it ended; a resync finds it gone should they be lost.
      if (this.table.has(id)) return;
      this.forget(id);
      this.deny(id, 'unknown');
      this.tell(id);
      return;
    }
    if (this.failures.size === 0) {
      const consequence = 'it keeps what is known of it, and is asked about again after growing pauses';
      this.options.logger.warn(`${messageOf(error)}; ${consequence}; others that fail alike are not listed`, { id });
    }
    this.failures.add(id, this.options.clock.monotonic());
    const summary = this.summaries.get(id);
    if (summary !== undefined && this.table.find(id, false) === undefined) {
      this.learn(id, describeSummary(summary, this.options.rules));
    }
  }
}

const isAlive = ({ state }: ContainerSummary): boolean =>
  state === 'running' || state === 'paused' || state === 'restarting';
