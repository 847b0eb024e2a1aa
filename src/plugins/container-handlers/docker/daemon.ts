import {
  type ContainerDescription,
  type EngineReport,
  type EngineUsage,
  messageOf,
  type RuntimeInfo,
} from '../../../kernel/contracts/index.js';
import { createEngineClient, type EngineClient, EngineError, type TlsFiles } from './client.js';
import { ContainerKnowledge, type Denial, type KnowledgeOptions } from './container-knowledge.js';
import type { KnownContainer } from './container-table.js';
import { EngineInfoCache } from './engine-info.js';
import { EngineUsageWatch, type UsageOptions } from './engine-usage.js';
import { followEvents, sinceText } from './event-stream.js';
import type { EngineEvent } from './events.js';
import { record, text } from './json.js';
import { OnceLogger } from './once-logger.js';

/** How long one container that the engine cannot inspect holds up what is known of all others. */
const INSPECT_PATIENCE = 1000;
const FIRST_RETRY = 250;
const LAST_RETRY = 4000;
/** A session shorter than this does not reset the back-off: an engine that ends every stream must not be hammered. */
const STABLE_AFTER = 10_000;

export interface DaemonOptions extends KnowledgeOptions, UsageOptions {
  readonly tls: TlsFiles;
  /** ms */
  readonly resyncInterval: number;
  /** Told the engine's data directory after each connect. */
  onRoot(directory: string): void;
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
  readonly #knowledge: ContainerKnowledge;
  readonly #once: OnceLogger;
  readonly #stop = new AbortController();
  #client: EngineClient | undefined;
  #state: 'new' | 'up' | 'down' = 'new';
  #runtime: RuntimeInfo | undefined;
  readonly #info: EngineInfoCache;
  readonly #usage: EngineUsageWatch;
  #away = 'it has not answered yet';
  #since: string | undefined;
  #quiet = false;

  constructor(options: DaemonOptions, listener: DaemonListener) {
    this.#options = options;
    this.#listener = listener;
    this.#knowledge = new ContainerKnowledge(options, (id) => {
      if (!this.#quiet) listener.containerChanged(id);
    });
    this.#once = new OnceLogger(options.logger);
    this.#info = new EngineInfoCache(options.rules.namespace, options.endpoint.url, options.clock);
    this.#usage = new EngineUsageWatch(options.rules.namespace, options.endpoint.url, options, this.#once);
  }

  /** `new` until the first connection succeeded or failed. */
  get state(): 'new' | 'up' | 'down' {
    return this.#state;
  }

  /** What the engine said of itself, while it can be reached. */
  get runtime(): RuntimeInfo | undefined {
    return this.#state === 'up' ? this.#runtime : undefined;
  }

  /** What the engine says of itself, or why it does not. */
  report(): Promise<EngineReport> {
    return this.#info.report(this.#state === 'up' ? this.#client : undefined, this.#runtime, this.#away);
  }

  /** What its images and volumes took up when it was last asked. */
  get usage(): EngineUsage | undefined {
    return this.#usage.usage;
  }

  /** Connects, and reconnects for ever. @returns settles when the first connection succeeded or failed */
  start(): Promise<void> {
    return new Promise((settled) => {
      void this.#run(settled);
    });
  }

  stop(): void {
    this.#stop.abort();
    this.#usage.disconnected();
    this.#client?.close();
    this.#knowledge.disconnected();
  }

  find(id: string): KnownContainer | undefined {
    return this.#knowledge.find(id, this.#state !== 'up');
  }

  /** Why the engine has no such container; `undefined` when it has one or was not asked. */
  denial(id: string): Denial | undefined {
    return this.#knowledge.denial(id);
  }

  /** Asks the engine about an id; `containerChanged` tells the answer. Nothing happens while it is away. */
  ask(id: string): void {
    if (this.#state === 'up') this.#knowledge.ask(id);
  }

  /** Containers that ended within `tombstoneFor`, oldest first. */
  departed(): readonly ContainerDescription[] {
    return this.#knowledge.departed();
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
        (line) => this.#once.warn('event', 'an event is not JSON and was left out', line.slice(0, 200)),
      );
      ended.catch(() => {});
      this.#knowledge.connected(this.#client);
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
      this.#usage.disconnected();
      this.#knowledge.disconnected();
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
      this.#options.logger.info(`${name} ${version} at ${url} reached`, { containers: this.#knowledge.size });
    }
    this.#listener.allChanged();
    this.#usage.connected(this.#client!);
    void this.#tellRoot();
  }

  async #tellRoot(): Promise<void> {
    try {
      const directory = text(record(await this.#client!.info()).DockerRootDir);
      if (directory.startsWith('/')) this.#options.onRoot(directory);
    } catch (error) {
      if (!this.#stop.signal.aborted)
        this.#once.warn('info', `${messageOf(error)}; the filesystem of its images stays unmarked`);
    }
  }

  #wentDown(error: unknown): void {
    const before = this.#state;
    this.#state = 'down';
    this.#away = messageOf(error);
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

  /** What is taking too long to inspect comes later. */
  async #resync(everything: boolean): Promise<void> {
    const { inspected } = await this.#knowledge.resync(this.#client!, everything);
    const patience = this.#pause(INSPECT_PATIENCE);
    await Promise.race([inspected, patience.over]);
    patience.end();
  }

  #event(event: EngineEvent): void {
    if (event.time > 0) this.#since = sinceText(event.time);
    this.#knowledge.event(event);
  }
}

function parseVersion(answer: unknown, name: string): RuntimeInfo {
  const version = record(answer);
  return {
    name,
    version: text(version.Version) || 'unknown',
    apiVersion: text(version.ApiVersion) || 'unknown',
  };
}
