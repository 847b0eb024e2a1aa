import {
  type Clock,
  type ContainerDescription,
  type Logger,
  messageOf,
  type RuntimeInfo,
  type Timers,
} from '../../../kernel/contracts/index.js';
import { createEngineClient, type EngineClient, EngineError, type TlsFiles } from './client.js';
import { ContainerTable, type KnownContainer } from './container-table.js';
import { type Described, type DescribeRules, describeContainer, describeSummary } from './describe.js';
import type { Endpoint } from './endpoint.js';
import { followEvents, sinceText } from './event-stream.js';
import { type ContainerSummary, type EngineEvent, parseSummaries } from './events.js';
import { InspectFailures } from './inspect-failures.js';
import { record, text } from './json.js';
import { RefreshQueue } from './refresh-queue.js';

const PARALLEL_INSPECTS = 4;
/** How long one container that the engine cannot inspect holds up what is known of all others. */
const INSPECT_PATIENCE = 1000;
const MAX_DENIED = 1024;
const FIRST_RETRY = 250;
const LAST_RETRY = 4000;
/** A session shorter than this does not reset the back-off: an engine that ends every stream must not be hammered. */
const STABLE_AFTER = 10_000;
/** An engine counts a failed health probe shortly after it tells that the probe's command ended. */
const HEALTH_DELAY = 1000;

/** Actions that change nothing that is published. */
const IRRELEVANT: ReadonlySet<string> = new Set(
  'exec_create exec_start exec_detach exec attach detach top resize copy archive-path extract-to-dir export commit kill'.split(
    ' ',
  ),
);

export interface DaemonOptions {
  readonly endpoint: Endpoint;
  readonly tls: TlsFiles;
  /** ms */
  readonly timeout: number;
  /** ms */
  readonly resyncInterval: number;
  /** How long the end of a container is remembered, ms. */
  readonly tombstoneFor: number;
  readonly rules: DescribeRules;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Text of `/proc/<pid>/mountinfo`. */
  mountinfo(pid: number): string | undefined;
}

/** What a daemon tells its handler. */
export interface DaemonListener {
  /** A container's description changed, or the daemon answered about an id. */
  containerChanged(id: string): void;
  /** The daemon came or went, and with it the freshness of everything it said. */
  allChanged(): void;
}

/**
 * One Docker-compatible engine: keeps what it says of its containers in memory, by one event stream and a comparison
 * with the full list now and then, and reconnects for ever.
 */
export class DockerDaemon {
  readonly #options: DaemonOptions;
  readonly #listener: DaemonListener;
  readonly #table = new ContainerTable();
  readonly #denied = new Set<string>();
  readonly #summaries = new Map<string, ContainerSummary>();
  readonly #queue = new RefreshQueue(PARALLEL_INSPECTS, (id) => this.#refresh(id));
  readonly #failures: InspectFailures;
  readonly #healthChecks = new Set<string>();
  readonly #told = new Set<string>();
  readonly #stop = new AbortController();
  #client: EngineClient | undefined;
  #state: 'new' | 'up' | 'down' = 'new';
  #runtime: RuntimeInfo | undefined;
  #since: string | undefined;
  #quiet = false;

  constructor(options: DaemonOptions, listener: DaemonListener) {
    this.#options = options;
    this.#listener = listener;
    this.#failures = new InspectFailures(options.timeout);
  }

  /** `new` until the first connection succeeded or failed. */
  get state(): 'new' | 'up' | 'down' {
    return this.#state;
  }

  /** What the engine said of itself, while it can be reached. */
  get runtime(): RuntimeInfo | undefined {
    return this.#state === 'up' ? this.#runtime : undefined;
  }

  /** Connects, and reconnects for ever. @returns settles when the first connection succeeded or failed */
  start(): Promise<void> {
    return new Promise((settled) => {
      void this.#run(settled);
    });
  }

  stop(): void {
    this.#stop.abort();
    this.#client?.close();
    this.#queue.clear();
  }

  find(id: string): KnownContainer | undefined {
    return this.#table.find(id, this.#state !== 'up');
  }

  /** True when the engine answered that it does not know the id. */
  denies(id: string): boolean {
    return this.#denied.has(id);
  }

  /** Asks the engine about an id; `containerChanged` tells the answer. Nothing happens while it is away. */
  ask(id: string): void {
    if (this.#client === undefined || this.#state !== 'up') return;
    if (this.#failures.state(id, this.#options.clock.monotonic()) !== 'paused') void this.#queue.add(id);
  }

  /** Containers that ended within `tombstoneFor`, oldest first. */
  departed(): ContainerDescription[] {
    this.#table.forgetDeparted(this.#options.clock.now() - this.#options.tombstoneFor * 1000);
    return this.#table.departed();
  }

  async #run(settled: () => void): Promise<void> {
    const { clock } = this.#options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const begun = clock.monotonic();
      const lost = await this.#session(settled);
      if (this.#stop.signal.aborted) return;
      const connected = lost.connectedAt !== undefined;
      if (connected && clock.monotonic() - begun >= STABLE_AFTER) failures = 0;
      // A stream that ended is opened again before anything is called out of date.
      if (connected) this.#options.logger.debug('event stream ended', { reason: messageOf(lost.error) });
      else this.#wentDown(lost.error);
      settled();
      const longest = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** failures++);
      await this.#pause(longest * (0.5 + Math.random() / 2)).over;
    }
  }

  /** A pause that also ends when the daemon is stopped. */
  #pause(milliseconds: number): { readonly over: Promise<void>; end(): void } {
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      const cancel = this.#options.timers.after(milliseconds, () => end());
      end = () => {
        cancel();
        this.#stop.signal.removeEventListener('abort', end);
        resolve();
      };
      this.#stop.signal.addEventListener('abort', end, { once: true });
    });
    return { over, end };
  }

  /** One connection, from its first call to its loss. */
  async #session(settled: () => void): Promise<{ connectedAt?: number; error: unknown }> {
    const { endpoint, tls, timeout, resyncInterval, timers, clock } = this.#options;
    let connectedAt: number | undefined;
    let stopResync = () => {};
    try {
      this.#client = await createEngineClient(endpoint, tls, timeout);
      this.#runtime = parseVersion(await this.#client.version(), this.#options.rules.namespace);
      const stream = await this.#client.events(this.#since);
      const ended = followEvents(
        stream,
        (event) => this.#event(event),
        (line) => this.#tellOnce('event', 'an event is not JSON and was left out', line.slice(0, 200)),
      );
      ended.catch(() => {});
      this.#denied.clear();
      this.#failures.clear();
      this.#quiet = true;
      await Promise.race([this.#resync(true), ended]);
      connectedAt = clock.monotonic();
      this.#cameUp();
      settled();
      await Promise.race([
        ended,
        new Promise((_, reject) => {
          stopResync = timers.every(resyncInterval, () => this.#resync(false).catch(reject));
        }),
      ]);
      return { connectedAt, error: new Error('the event stream ended') };
    } catch (error) {
      return { ...(connectedAt === undefined ? {} : { connectedAt }), error };
    } finally {
      this.#quiet = false;
      stopResync();
      this.#queue.clear();
      this.#client?.close();
      this.#client = undefined;
    }
  }

  #cameUp(): void {
    this.#quiet = false;
    const before = this.#state;
    this.#state = 'up';
    if (before !== 'up') {
      const { version, name } = this.#runtime!;
      const url = this.#options.endpoint.url;
      this.#options.logger.info(`${name} ${version} at ${url} reached`, { containers: this.#table.size });
    }
    this.#listener.allChanged();
  }

  #wentDown(error: unknown): void {
    const before = this.#state;
    this.#state = 'down';
    if (before === 'down') return;
    const consequence =
      before === 'up'
        ? 'its containers keep their last description, marked stale'
        : 'containers appear by their id until it answers';
    const message = `${messageOf(error)}; ${consequence}; trying again for ever`;
    // A host without this engine at all is the normal case of a default configuration.
    if (before === 'new' && error instanceof EngineError && error.absent) this.#options.logger.info(message);
    else this.#options.logger.warn(message);
    this.#listener.allChanged();
  }

  #event(event: EngineEvent): void {
    if (event.time > 0) this.#since = sinceText(event.time);
    if (IRRELEVANT.has(event.action)) return;
    const { id } = event;
    if (event.action === 'exec_die') {
      this.#probeEnded(event);
      return;
    }
    const changed = this.#table.apply(event);
    if (event.action === 'destroy') {
      // Nobody is told: the cgroup is gone already, or its processes cannot be killed and it keeps its name.
      this.#forget(id);
      this.#deny(id);
      return;
    }
    this.#denied.delete(id);
    if (changed) this.#changed(id);
    void this.#queue.add(id);
  }

  /** A failed probe lengthens the failing streak without a `health_status` event of its own. */
  #probeEnded(event: EngineEvent): void {
    const health = this.#table.find(event.id, false)?.description.state.health;
    if (health === undefined || (event.exitCode === 0 && health.failingStreak === 0)) return;
    if (this.#healthChecks.has(event.id)) return;
    this.#healthChecks.add(event.id);
    this.#options.timers.after(HEALTH_DELAY, () => {
      this.#healthChecks.delete(event.id);
      if (this.#client !== undefined) void this.#queue.add(event.id);
    });
  }

  /**
   * Compares the full list with what is known.
   * @param everything also inspects the running containers that look unchanged: events may have been missed
   */
  async #resync(everything: boolean): Promise<void> {
    const mark = this.#table.mark;
    const summaries = parseSummaries(await this.#client!.list());
    if (summaries === undefined) {
      throw new EngineError(`${this.#options.endpoint.url} answered the list of containers with something else`, 200);
    }
    this.#summaries.clear();
    for (const summary of summaries) if (isAlive(summary)) this.#summaries.set(summary.id, summary);
    const present = new Set(summaries.map(({ id }) => id));
    for (const id of this.#table.forgetMissing(present, mark)) {
      this.#succeeded(id);
      this.#changed(id);
    }
    this.#table.forgetDeparted(this.#options.clock.now() - this.#options.tombstoneFor * 1000);
    const wanted = summaries.filter((summary) => this.#needsInspect(summary, everything));
    const patience = this.#pause(INSPECT_PATIENCE);
    await Promise.race([Promise.all(wanted.map(({ id }) => this.#queue.add(id))), patience.over]);
    patience.end();
  }

  #needsInspect(summary: ContainerSummary, everything: boolean): boolean {
    const failure = this.#failures.state(summary.id, this.#options.clock.monotonic());
    if (failure !== undefined) return failure === 'due';
    const known = this.#table.find(summary.id, false)?.description;
    if (known === undefined) return isAlive(summary);
    if (everything && isAlive(summary)) return true;
    return known.state.status !== summary.state || (summary.name !== '' && known.aliases[0] !== summary.name);
  }

  async #refresh(id: string): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const denied = this.#denied.has(id);
    try {
      const answer = await client.inspect(id);
      // Removed while the engine answered: ids are never used again, so the removal has the last word.
      if (!denied && this.#denied.has(id)) return;
      const described = this.#describe(id, answer);
      if (described === undefined) throw new EngineError(`the description of container ${id} is malformed`, 200);
      this.#succeeded(id);
      this.#learn(id, described);
    } catch (error) {
      if (client === this.#client) this.#inspectFailed(id, error);
    }
  }

  #describe(id: string, answer: unknown): Described | undefined {
    const described = describeContainer(answer, this.#options.rules, {
      previousExit: this.#table.previousExit(id),
      previousStorage: this.#table.find(id, false)?.description.storage,
      mountinfo: (pid) => this.#options.mountinfo(pid),
    });
    for (const { written, meant } of described?.misspelt ?? []) {
      this.#tellOnce(`label ${written}`, `labelAllow: nothing is called ${written}; did you mean ${meant}?`);
    }
    return described;
  }

  #learn(id: string, described: Described): void {
    const asked = this.#denied.delete(id) || this.#table.find(id, false) === undefined;
    if (this.#table.update(id, described) || asked) this.#changed(id);
  }

  /** The container was removed. What is known of its end stays. */
  #forget(id: string): void {
    this.#summaries.delete(id);
    this.#table.remove(id);
    this.#succeeded(id);
  }

  #deny(id: string): void {
    if (this.#denied.size >= MAX_DENIED) this.#denied.delete(this.#denied.values().next().value!);
    this.#denied.add(id);
  }

  #succeeded(id: string): void {
    if (this.#failures.delete(id)) this.#options.logger.info('all containers can be inspected again');
  }

  #inspectFailed(id: string, error: unknown): void {
    if (error instanceof EngineError && error.status === 404) {
      this.#forget(id);
      this.#deny(id);
      this.#changed(id);
      return;
    }
    if (this.#failures.size === 0) {
      const consequence = 'it keeps what is known of it, and is asked about again after growing pauses';
      this.#options.logger.warn(`${messageOf(error)}; ${consequence}; others that fail alike are not listed`, { id });
    }
    this.#failures.add(id, this.#options.clock.monotonic());
    const summary = this.#summaries.get(id);
    if (summary !== undefined && this.#table.find(id, false) === undefined) {
      this.#learn(id, describeSummary(summary, this.#options.rules));
    }
  }

  #changed(id: string): void {
    if (!this.#quiet) this.#listener.containerChanged(id);
  }

  #tellOnce(key: string, message: string, about?: string): void {
    if (this.#told.has(key)) return;
    if (this.#told.size >= MAX_DENIED) this.#told.clear();
    this.#told.add(key);
    this.#options.logger.warn(message, about === undefined ? {} : { about });
  }
}

const isAlive = ({ state }: ContainerSummary): boolean =>
  state === 'running' || state === 'paused' || state === 'restarting';

function parseVersion(answer: unknown, name: string): RuntimeInfo {
  const version = record(answer);
  return {
    name,
    version: text(version.Version) || 'unknown',
    apiVersion: text(version.ApiVersion) || 'unknown',
  };
}
