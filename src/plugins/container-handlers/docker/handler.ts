import type {
  ContainerHandler,
  ContainerRegistrar,
  DepartedContainer,
  EngineReport,
  EngineUsage,
  Finding,
  Identification,
  PluginContext,
  RuntimeInfo,
} from '../../../kernel/contracts/index.js';
import type { PathPattern } from './cgroup-path.js';
import type { KnownContainer } from './container-table.js';
import { DockerDaemon } from './daemon.js';
import { describeById } from './describe.js';
import { diagnose } from './diagnosis.js';
import type { EngineOptions } from './options.js';

/** How long `start` waits for the first answer, so that the first look at the cgroup tree already finds names. */
const FIRST_ANSWER = 1000;
const FIRST_PRUNE = 1000;

/** What tells one Docker-compatible engine from another. */
export interface EngineKind {
  /** Namespace of its aliases: `docker`, `podman`. */
  readonly namespace: string;
  readonly paths: PathPattern;
  /** Where it listens unless the configuration says otherwise. */
  readonly defaultEndpoint: string;
}

/** Handler of the containers of one kind of engine, of which there may be several at different endpoints. */
export class EngineHandler implements ContainerHandler {
  readonly #kind: EngineKind;
  readonly #options: EngineOptions;
  readonly #context: PluginContext;
  readonly #daemons: readonly DockerDaemon[];
  /** Paths seen, by container id. */
  readonly #paths = new Map<string, Set<string>>();
  /** Number of paths at which those of gone containers are dropped. */
  #pruneAt = FIRST_PRUNE;
  /** Since when ids that no engine knows yet have been waiting (monotonic ms). */
  readonly #waiting = new Map<string, number>();
  #registrar: ContainerRegistrar | undefined;
  #answered: Promise<void> = Promise.resolve();

  constructor(kind: EngineKind, options: EngineOptions, context: PluginContext) {
    this.#kind = kind;
    this.#options = options;
    this.#context = context;
    const listener = { containerChanged: (id: string) => this.#reconsider(id), allChanged: () => this.#allChanged() };
    this.#daemons = options.endpoint.map(
      (endpoint) =>
        new DockerDaemon(
          {
            ...options,
            endpoint,
            rules: { ...options, namespace: kind.namespace },
            clock: context.clock,
            timers: context.timers,
            logger: context.logger,
            mountinfo: (pid) => context.linux.procText(`${pid}/mountinfo`),
            onRoot: (directory) => context.linux.labelFilesystem(`${kind.namespace}-images`, directory),
          },
          listener,
        ),
    );
  }

  async start(registrar: ContainerRegistrar): Promise<void> {
    this.#registrar = registrar;
    const answers = Promise.all(this.#daemons.map((daemon) => daemon.start()));
    this.#answered = this.#within(this.#options.timeout, answers);
    await this.#within(FIRST_ANSWER, answers);
  }

  whenAnswered(): Promise<void> {
    return this.#answered;
  }

  stop(): void {
    for (const daemon of this.#daemons) daemon.stop();
  }

  identify(path: string): Identification {
    const match = this.#kind.paths.match(path);
    if (match === undefined) return { verdict: 'pass' };
    if (match === 'monitor') {
      return { verdict: 'ignore', reason: `it holds the monitor process of a ${this.#kind.namespace} container` };
    }
    this.#remember(match.id, path);
    const known = this.#find(match.id);
    if (known === undefined) return this.#unknown(match.id, match.certain);
    this.#waiting.delete(match.id);
    return known.ignored === undefined
      ? { verdict: 'accept', description: known.description }
      : { verdict: 'ignore', reason: known.ignored };
  }

  runtime(): RuntimeInfo | undefined {
    return this.#daemons.map(({ runtime }) => runtime).find((runtime) => runtime !== undefined);
  }

  engines(): Promise<readonly EngineReport[]> {
    return Promise.all(this.#daemons.map((daemon) => daemon.report()));
  }

  engineUsage(): readonly EngineUsage[] {
    return this.#daemons.flatMap(({ usage }) => usage ?? []);
  }

  async findings(): Promise<readonly Finding[]> {
    await this.#answered;
    const { id, linux } = this.#context;
    const { defaultEndpoint } = this.#kind;
    return diagnose(await this.engines(), { plugin: id, root: linux.paths.root, defaultEndpoint });
  }

  departed(): readonly DepartedContainer[] {
    return this.#daemons.flatMap((daemon) =>
      daemon.departed().flatMap((description) => {
        const [name] = this.#paths.get(description.id!) ?? [];
        return name === undefined ? [] : [{ name, description }];
      }),
    );
  }

  /** Settles with the work, or when the time is over. */
  async #within(milliseconds: number, work: Promise<unknown>): Promise<void> {
    let cancel = () => {};
    const patience = new Promise<void>((resolve) => {
      cancel = this.#context.timers.after(milliseconds, resolve);
      this.#context.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([work, patience]);
    cancel();
  }

  #find(id: string): KnownContainer | undefined {
    let stale: KnownContainer | undefined;
    for (const daemon of this.#daemons) {
      const known = daemon.find(id);
      if (known !== undefined && known.description.stale !== true) return known;
      stale ??= known;
    }
    return stale;
  }

  /** The verdict on a path whose container no engine has told about. */
  #unknown(id: string, certain: boolean): Identification {
    const asking = this.#daemons.filter((daemon) => daemon.state === 'up' && daemon.denial(id) === undefined);
    for (const daemon of asking) daemon.ask(id);
    const away = this.#daemons.some((daemon) => daemon.state !== 'up');
    if (asking.length === 0 && !away && this.#daemons.some((daemon) => daemon.denial(id) === 'removed')) {
      return { verdict: 'pass' };
    }
    const now = this.#context.clock.monotonic();
    const begun = this.#waiting.get(id) ?? this.#wait(id, now);
    if (now - begun < this.#options.grace) {
      const reason = asking.length > 0 || away ? 'has not said yet' : 'does not know it';
      return { verdict: 'pending', reason: `looks like a ${this.#kind.namespace} container; the engine ${reason}` };
    }
    if ((away || asking.length > 0) && certain) {
      return { verdict: 'accept', description: describeById(id, this.#kind.namespace) };
    }
    return { verdict: 'pass' };
  }

  #wait(id: string, now: number): number {
    this.#waiting.set(id, now);
    // A timer may fire a little early by the other clock.
    this.#context.timers.after(this.#options.grace + 5, () => this.#reconsider(id));
    return now;
  }

  #remember(id: string, path: string): void {
    const paths = this.#paths.get(id);
    if (paths !== undefined) {
      paths.add(path);
      return;
    }
    this.#paths.set(id, new Set([path]));
    if (this.#paths.size >= this.#pruneAt) this.#prune();
  }

  /** Nobody tells a handler that a cgroup is gone; what is neither known nor new is taken for it. */
  #prune(): void {
    const ended = new Set(this.#daemons.flatMap((daemon) => daemon.departed().map(({ id }) => id)));
    const newest = [...this.#paths.keys()].slice(-FIRST_PRUNE / 2);
    const kept = new Set(newest);
    for (const id of this.#paths.keys()) {
      if (kept.has(id) || ended.has(id) || this.#find(id) !== undefined) continue;
      this.#paths.delete(id);
      this.#waiting.delete(id);
    }
    this.#pruneAt = this.#paths.size + FIRST_PRUNE;
  }

  #reconsider(id: string): void {
    for (const path of this.#paths.get(id) ?? []) this.#registrar?.reconsider(path);
  }

  /** Also asks about the paths that went to another handler while the engine was away. */
  #allChanged(): void {
    this.#registrar?.reconsiderAll();
    this.#registrar?.findingsChanged();
    for (const id of this.#waiting.keys()) this.#reconsider(id);
  }
}
