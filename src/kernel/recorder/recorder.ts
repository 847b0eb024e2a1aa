import { randomBytes } from 'node:crypto';
import {
  type CapsuleContainer,
  type CapsuleDraft,
  type CapsuleStore,
  type Capsules,
  captureSamples,
  encodeCapsule,
} from '../capsules/index.js';
import type { Container, ContainerObserver, ContainerStore } from '../containers/index.js';
import {
  type CapsuleInfo,
  type CapsuleReason,
  type Clock,
  type ContainerDescription,
  type ContainerEvent,
  type ContainerView,
  type Diagnosis,
  EVENT_TYPES,
  type EventType,
  type Logger,
  messageOf,
  RequestError,
  type StoredCapsule,
} from '../contracts/index.js';
import type { CommonTimer } from '../timing/index.js';
import type { KernelView } from '../view/index.js';
import { Limiter, type Permit } from './limiter.js';
import { TroubleScan } from './trouble-scan.js';
import { partsOf, WatchList } from './watch-list.js';

export interface RecorderOptions {
  readonly view: KernelView;
  readonly containers: ContainerStore;
  readonly capsules: Capsules;
  readonly clock: Clock;
  readonly timer: Pick<CommonTimer, 'every' | 'after'>;
  readonly logger: Logger;
  readonly maxPerMinute: () => number;
  /** Capsules of earlier runs are read after this. */
  readonly begin: Promise<void>;
}

const TICK_MS = 1_000;
/** New containers, which may live a moment only, are looked at this soon, ms. */
const FIRST_LOOK_MS = 500;
/** Old capsules are looked for this often, ms. */
const PRUNE_MS = 3_600_000;
/** A container that was removed is remembered for this time, ms: its exit code comes later. */
const REMEMBERED_MS = 10_000;
/** Containers that were removed and are remembered; older ones are forgotten first. */
const MAX_REMEMBERED = 500;
/** Capsules that wait to be written; each holds a copy of its samples. */
const MAX_WAITING = 20;
const MAX_EVENTS = 200;
const UNKNOWN_EXIT_CODE = -1;
const TOO_MANY = 429;
const ALL_TYPES = new Set(EVENT_TYPES);
/** Events that can be a reason for a capsule. */
const TROUBLE_TYPES: ReadonlySet<EventType> = new Set(['oom', 'containerDeletion']);

/** Writes a capsule when a container ends badly or on request. Copies what it needs at once, and writes it later. */
export class Recorder implements ContainerObserver {
  private readonly watchList: WatchList;
  private readonly scan: TroubleScan;
  private readonly limiter: Limiter;
  /** By name, with monotonic ms. */
  private readonly removedLately = new Map<string, { readonly container: Container; readonly at: number }>();
  private readonly cancels: (() => void)[] = [];
  /** Cancels the look at new containers. */
  private firstLook: (() => void) | undefined;
  /** Settles when everything that was captured so far is written. */
  private writing: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private hasWarnedOfSkipped = false;
  private hasWarnedOfFailure = false;

  constructor(
    private readonly store: CapsuleStore,
    private readonly options: RecorderOptions,
  ) {
    const { view, clock, maxPerMinute, containers } = options;
    this.watchList = new WatchList(view.host, clock, (container) => view.viewOf(container));
    this.scan = new TroubleScan(view, containers, clock, {
      inTrouble: (container) => this.watchList.isInTrouble(container),
      found: (container, reason) => this.trouble(container, reason),
    });
    this.limiter = new Limiter(maxPerMinute);
  }

  start(): void {
    const { view, capsules, begin, timer } = this.options;
    void begin.then(() => this.enqueue(() => this.store.open()));
    capsules.recordNow = (name) => this.record(name);
    const filter = { containerName: '/', below: true, types: TROUBLE_TYPES };
    this.cancels.push(
      // Listeners hear of an event before it is stored; the capsule is to have it.
      view.events.subscribe(filter, (event) => queueMicrotask(() => this.happened(event))),
      timer.every(TICK_MS, () => this.tick()),
      timer.every(PRUNE_MS, () => void this.enqueue(() => this.store.prune())),
    );
  }

  /** Finishes what was captured. */
  async stop(): Promise<void> {
    for (const cancel of this.cancels) cancel();
    this.firstLook?.();
    this.options.capsules.recordNow = undefined;
    await this.writing;
  }

  added(container: Container): void {
    this.watchList.added(container);
    this.firstLook ??= this.options.timer.after(FIRST_LOOK_MS, () => this.watch());
  }

  removed(container: Container): void {
    this.watchList.removed(container);
    this.removedLately.delete(container.name);
    this.removedLately.set(container.name, { container, at: this.options.clock.monotonic() });
    if (this.removedLately.size > MAX_REMEMBERED) this.removedLately.delete(this.removedLately.keys().next().value!);
  }

  descriptionChanged(container: Container, previous: ContainerDescription): void {
    const { health } = container.description.state;
    if (health?.status !== 'unhealthy' || previous.state.health?.status === 'unhealthy') return;
    const text = `its health check failed ${health.failingStreak} times in a row`;
    this.trouble(container, { kind: 'unhealthy', time: this.options.clock.now(), text });
  }

  private tick(): void {
    const now = this.options.clock.monotonic();
    for (const [name, { at }] of this.removedLately) {
      if (now - at < REMEMBERED_MS) break;
      this.removedLately.delete(name);
    }
    this.scan.tick(now);
    this.watch();
  }

  private watch(): void {
    this.firstLook?.();
    this.firstLook = undefined;
    this.watchList.tick().catch((error) => this.warnOfFailure(error));
  }

  private happened(event: ContainerEvent): void {
    const { containerName, type, time, exitCode = UNKNOWN_EXIT_CODE, oom } = event;
    if (type === 'oom') {
      const text = `the kernel killed ${oom === undefined ? 'a process' : `${oom.processName} (pid ${oom.pid})`} for lack of memory`;
      this.troubleOf(containerName, { kind: 'oom', time, text });
    } else if (type === 'containerDeletion' && exitCode !== 0) {
      const isRuntimes = this.find(containerName)?.description.namespace !== undefined;
      if (exitCode !== UNKNOWN_EXIT_CODE)
        this.troubleOf(containerName, { kind: 'exit', time, text: `exit code ${exitCode}` });
      // How a cgroup without a runtime ended is not known.
      else if (isRuntimes)
        this.troubleOf(containerName, { kind: 'ended-unseen', time, text: 'its engine could not tell how it ended' });
    }
  }

  private find(name: string): Container | undefined {
    return this.removedLately.get(name)?.container ?? this.options.containers.get(name);
  }

  private troubleOf(name: string, reason: CapsuleReason): void {
    // A container that was started again has a cgroup of the same name; the one that ended is meant.
    const container = this.find(name);
    if (container !== undefined && name !== '/') this.trouble(container, reason);
  }

  private trouble(container: Container, reason: CapsuleReason): void {
    const permit = this.permit(container.name, reason);
    if (permit === undefined) {
      this.skip();
      return;
    }
    if (this.options.containers.get(container.name) === container) this.watchList.isInTrouble(container);
    this.capture(container, permit).catch((error) => this.warnOfFailure(error));
  }

  private permit(name: string, reason: CapsuleReason): Permit | undefined {
    return this.waiting < MAX_WAITING ? this.limiter.ask(name, reason, this.options.clock.monotonic()) : undefined;
  }

  private skip(): void {
    this.options.capsules.skipped++;
    if (this.hasWarnedOfSkipped) return;
    this.hasWarnedOfSkipped = true;
    this.options.logger.warn(
      'a container ended badly and got no capsule: too many did shortly before; further ones are counted only',
    );
  }

  private async record(name: string): Promise<StoredCapsule> {
    const { containers, clock } = this.options;
    const container = containers.get(name) ?? this.find(name);
    if (container === undefined) throw new RequestError(404, `unknown container ${JSON.stringify(name)}`);
    const reason: CapsuleReason = { kind: 'requested', time: clock.now(), text: 'asked for' };
    const permit = this.permit(name, reason);
    if (permit === undefined) {
      throw new RequestError(TOO_MANY, 'too many capsules were written in the last minute (recorder.maxPerMinute)');
    }
    await this.watchList.read(container);
    return this.capture(container, permit);
  }

  /** Copies what changes, and writes it behind what waits already. */
  private capture(container: Container, { replaces, reasons }: Permit): Promise<StoredCapsule> {
    const { view, clock, capsules } = this.options;
    const { name } = container;
    const draft = this.draft(container, reasons, replaces ?? newId(clock.now(), container));
    this.limiter.named(name, draft.info.id);
    this.waiting++;
    const isLiving = view.container(name) !== undefined && this.options.containers.get(name) === container;
    return this.enqueue(async () => {
      try {
        // A list that is some seconds old may lack the process that is in trouble.
        if (isLiving) await this.watchList.read(container);
        const processes = this.watchList.lastSeen(container)?.processes;
        const stored = await this.store.write(draft.info, await encodeCapsule({ ...draft, processes }));
        capsules.written++;
        this.hasWarnedOfFailure = false;
        return stored;
      } finally {
        this.waiting--;
      }
    });
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.writing.then(work);
    this.writing = result.catch((error) => {
      this.options.capsules.failed++;
      this.warnOfFailure(error);
    });
    return result;
  }

  private draft(container: Container, reasons: readonly CapsuleReason[], id: string): CapsuleDraft {
    const { view, clock } = this.options;
    const { name } = container;
    const description = this.finalDescription(container);
    const recorded = view.viewOf(container);
    const root = view.container('/');
    const machine = view.host;
    const info: CapsuleInfo = {
      id,
      container: name,
      label: description.aliases[0] ?? name,
      ...(description.namespace !== undefined && { runtime: description.namespace }),
      ...(description.image !== undefined && { image: description.image }),
      ...(description.state.exitCode !== undefined && { exitCode: description.state.exitCode }),
      createdAt: clock.now(),
      reasons,
      agentVersion: view.version,
    };
    const seen = this.watchList.lastSeen(container);
    return {
      info,
      container: {
        ...describe(recorded, name, description),
        ...(seen && {
          limits: seen.limits,
          missing: seen.missing,
          parts: [...new Set([...seen.parts, ...partsOf(recorded)])],
        }),
      },
      root: root && describe(root, '/', root.description),
      events: view.events.query({ containerName: name, below: true, types: ALL_TYPES, max: MAX_EVENTS }),
      host: { machine: machine.machine(), versions: machine.versions(), filesystems: machine.filesystems() },
      diagnosis: recorded && this.diagnosis(container, recorded, description),
      samples: recorded === undefined ? [] : captureSamples(recorded.samples()),
      rootSamples: root === undefined ? [] : captureSamples(root.samples()),
    };
  }

  /** As the engine describes it after its end: with the exit code. */
  private finalDescription(container: Container): ContainerDescription {
    if (this.options.containers.get(container.name) === container) return container.description;
    const departed = this.options.view.departed().find(({ name }) => name === container.name);
    return departed?.description ?? container.description;
  }

  /** A container that ended is judged by its last samples, and by how it ended. */
  private diagnosis(
    container: Container,
    recorded: ContainerView,
    description: ContainerDescription,
  ): Diagnosis | undefined {
    const { view, containers } = this.options;
    const { name } = container;
    const known = view.diagnose(name);
    if (containers.get(name) === container) return known;
    const limits = this.watchList.lastSeen(container)?.limits ?? recorded.limits();
    const ended: ContainerView = Object.create(recorded, {
      description: { value: description },
      limits: { value: () => limits },
      memoryLimit: { value: () => limits.memory.limit },
    });
    const asBefore: KernelView = Object.create(view, {
      containers: { value: () => [...view.containers().filter((each) => each.name !== name), ended] },
    });
    const before = asBefore.diagnose(name);
    if (before === undefined) return known;
    const others = (known?.findings ?? []).filter(({ rule }) => before.findings.every((each) => each.rule !== rule));
    const findings = [...before.findings, ...others].sort((a, b) => b.harm - a.harm);
    return { ...before, isRunning: false, findings };
  }

  private warnOfFailure(error: unknown): void {
    if (this.hasWarnedOfFailure) return;
    this.hasWarnedOfFailure = true;
    this.options.logger.warn(`a capsule could not be written: ${messageOf(error)}`, {
      hint: `make ${this.store.directory} writable for the agent, or set recorder.directory`,
    });
  }
}

function describe(view: ContainerView | undefined, name: string, description: ContainerDescription): CapsuleContainer {
  const appMetrics = view?.appMetrics;
  return {
    name,
    description,
    createdAt: view?.createdAt ?? description.createdAt ?? 0,
    createdAtExtraNs: view?.createdAtExtraNs ?? 0,
    limits: view?.limits() ?? NO_LIMITS,
    children: view?.children() ?? [],
    parts: partsOf(view),
    missing: view?.missing ?? [],
    summary: view?.summary(),
    appMetrics: appMetrics && { specs: appMetrics.specs, targets: appMetrics.targets, history: appMetrics.history() },
  };
}

const NO_LIMITS: CapsuleContainer['limits'] = {
  cgroupVersion: 2,
  hasCpu: false,
  cpu: { limit: 0n },
  hasMemory: false,
  memory: {},
  hasProcesses: false,
  processes: {},
  createdAt: 0,
  createdAtExtraNs: 0,
};

/** `20261127T001122Z-web-1a2b3c4d`: sorted by time, and readable. */
function newId(now: number, { name, description }: Container): string {
  const time = new Date(now / 1000).toISOString().replace(/[-:]|\.\d+/g, '');
  const label = (description.aliases[0] ?? name.split('/').at(-1) ?? '').replace(/[^A-Za-z0-9_.-]+/g, '_').slice(0, 48);
  return `${time}-${label || 'root'}-${randomBytes(4).toString('hex')}`;
}
