import type {
  ContainerDescription,
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
import type { EngineListener } from './connection.js';
import type { Engine } from './engine-base.js';
import type { EngineOptions } from './options.js';
import { type Described, describeById } from './publish.js';
import { within } from './within.js';

/** How long `start` waits for the first answer, so that the first look at the cgroup tree already finds names. */
const FIRST_ANSWER = 1000;
const FIRST_PRUNE = 1000;

/** What a cgroup path reveals about a container before its engine is asked. */
export interface PathIdentity {
  /** By which the engine is asked. */
  readonly id: string;
  /**
   * True when the path cannot be anything but a container of this engine (`docker-<id>.scope`), false when other
   * software uses the same form (a bare id below a custom parent).
   */
  readonly certain: boolean;
}

/** Recognises an engine's containers by their cgroup path. */
export interface PathPattern {
  /** @returns the container, `undefined` when the path is not one of this engine's, `'monitor'` for its helpers */
  match(path: string): PathIdentity | 'monitor' | undefined;
  /** Further paths of a container, which only the engine knows. */
  pathsOf?(id: string): Iterable<string>;
}

/** How kinds of engines differ. */
export interface HandlerKind {
  readonly paths: PathPattern;
  /** There may be several at different endpoints. */
  readonly engines: readonly Engine[];
  diagnose(reports: readonly EngineReport[]): Finding[];
}

export class EngineHandler implements ContainerHandler {
  /** Paths seen, by container id. */
  private readonly paths = new Map<string, Set<string>>();
  /** Number of paths at which those of gone containers are dropped. */
  private pruneAt = FIRST_PRUNE;
  /** When ids that no engine knows yet were first seen (monotonic ms). */
  private readonly waiting = new Map<string, number>();
  private registrar: ContainerRegistrar | undefined;
  private answered: Promise<void> = Promise.resolve();

  constructor(
    private readonly kind: HandlerKind,
    private readonly options: EngineOptions,
    protected readonly context: PluginContext,
  ) {}

  async start(registrar: ContainerRegistrar): Promise<void> {
    this.registrar = registrar;
    const listener: EngineListener = {
      containerChanged: (id) => this.reconsider(id),
      allChanged: () => this.allChanged(),
    };
    const answers = Promise.all(this.kind.engines.map((engine) => engine.start(listener)));
    this.answered = within(this.context, this.options.timeout, answers);
    await within(this.context, FIRST_ANSWER, answers);
  }

  whenAnswered(): Promise<void> {
    return this.answered;
  }

  stop(): void {
    for (const engine of this.kind.engines) engine.stop();
  }

  identify(path: string): Identification {
    const match = this.kind.paths.match(path);
    if (match === undefined) return { verdict: 'pass' };
    if (match === 'monitor') {
      return { verdict: 'ignore', reason: `it holds the monitor process of a ${this.options.namespace} container` };
    }
    this.remember(match.id, path);
    const known = this.find(match.id);
    if (known === undefined) return this.unknown(match.id, match.certain);
    this.waiting.delete(match.id);
    return known.ignored === undefined
      ? { verdict: 'accept', description: known.description }
      : { verdict: 'ignore', reason: known.ignored };
  }

  claim(path: string): ContainerDescription | undefined {
    const match = this.kind.paths.match(path);
    if (typeof match !== 'object') return undefined;
    const { description } = this.find(match.id) ?? {};
    return description?.state.status === 'running' || description?.state.status === 'paused' ? description : undefined;
  }

  runtime(): RuntimeInfo | undefined {
    return this.kind.engines.map(({ runtime }) => runtime).find((runtime) => runtime !== undefined);
  }

  engines(): Promise<readonly EngineReport[]> {
    return Promise.all(this.kind.engines.map((engine) => engine.report()));
  }

  engineUsage(): readonly EngineUsage[] {
    return this.kind.engines.flatMap(({ usage }) => usage ?? []);
  }

  async findings(): Promise<readonly Finding[]> {
    await this.answered;
    return this.kind.diagnose(await this.engines());
  }

  departed(): readonly DepartedContainer[] {
    return this.kind.engines.flatMap((engine) =>
      engine.knowledge.departed().flatMap(({ id, description }) => {
        const [name] = [...(this.paths.get(id) ?? []), ...(this.kind.paths.pathsOf?.(id) ?? [])];
        return name === undefined ? [] : [{ name, description }];
      }),
    );
  }

  private find(id: string): Described | undefined {
    let stale: Described | undefined;
    for (const engine of this.kind.engines) {
      const known = engine.find(id);
      if (known !== undefined && known.description.stale !== true) return known;
      stale ??= known;
    }
    return stale;
  }

  /** The verdict on a path whose container no engine knows. */
  private unknown(id: string, certain: boolean): Identification {
    const asking = this.kind.engines.filter(
      (engine) => engine.state === 'up' && engine.knowledge.denial(id) === undefined,
    );
    for (const engine of asking) engine.knowledge.ask(id);
    const away = this.kind.engines.some((engine) => engine.state !== 'up');
    if (asking.length === 0 && !away && this.kind.engines.some((engine) => engine.knowledge.denial(id) === 'removed')) {
      return { verdict: 'pass' };
    }
    const now = this.context.clock.monotonic();
    const begun = this.waiting.get(id) ?? this.wait(id, now);
    if (now - begun < this.options.grace) {
      const reason = asking.length > 0 || away ? 'has not said yet' : 'does not know it';
      return { verdict: 'pending', reason: `looks like a ${this.options.namespace} container; the engine ${reason}` };
    }
    if ((away || asking.length > 0) && certain) {
      return { verdict: 'accept', description: describeById(id, this.options.namespace) };
    }
    return { verdict: 'pass' };
  }

  private wait(id: string, now: number): number {
    this.waiting.set(id, now);
    // A timer may fire a little early by the other clock.
    this.context.timers.after(this.options.grace + 5, () => this.reconsider(id));
    return now;
  }

  private remember(id: string, path: string): void {
    const paths = this.paths.get(id);
    if (paths !== undefined) {
      paths.add(path);
      return;
    }
    this.paths.set(id, new Set([path]));
    if (this.paths.size >= this.pruneAt) this.prune();
  }

  /** Drops paths that are neither known nor new: handlers are not notified when a cgroup is removed. */
  private prune(): void {
    const ended = new Set(this.kind.engines.flatMap((engine) => engine.knowledge.departed().map(({ id }) => id)));
    const newest = [...this.paths.keys()].slice(-FIRST_PRUNE / 2);
    const kept = new Set(newest);
    for (const id of this.paths.keys()) {
      if (kept.has(id) || ended.has(id) || this.find(id) !== undefined) continue;
      this.paths.delete(id);
      this.waiting.delete(id);
    }
    this.pruneAt = this.paths.size + FIRST_PRUNE;
  }

  private reconsider(id: string): void {
    const paths = new Set([...(this.paths.get(id) ?? []), ...(this.kind.paths.pathsOf?.(id) ?? [])]);
    for (const path of paths) this.registrar?.reconsider(path);
  }

  /** Also asks about the paths that went to another handler while the engine was away. */
  private allChanged(): void {
    this.registrar?.reconsiderAll();
    this.registrar?.findingsChanged();
    for (const id of this.waiting.keys()) this.reconsider(id);
  }
}
