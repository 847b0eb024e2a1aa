import type { LateTargets } from '../../app-metrics/index.js';
import {
  type AppContainer,
  type AppMetrics,
  type AppTarget,
  Backoff,
  type CollectedMetrics,
  type CollectionAccess,
  CollectionError,
  type ContainerDescription,
  isCollectionError,
  type PluginContext,
  type PluginStatus,
  TallymanError,
} from '../../contracts/index.js';
import type { CollectReply } from './protocol.js';
import { type ProcessOptions, WorkerProcess } from './worker-process.js';

interface KnownTargets {
  description: ContainerDescription;
  targets: readonly AppTarget[];
}

/** A proxy of an app-metrics plugin in its own process, which is restarted when it exits. */
export class IsolatedAppMetrics implements AppMetrics, LateTargets {
  /** The process of the plugin; absent until it has started. */
  private worker: WorkerProcess | undefined;
  private starting: WorkerProcess | undefined;
  private retry: NodeJS.Timeout | undefined;
  private readonly pauses = new Backoff();
  private startedAt = 0;
  private restarts = 0;
  private stopped = false;
  private changed: (containerName?: string) => void = () => {};
  private readonly known = new Map<string, KnownTargets>();
  private readonly numbers = new WeakMap<AppTarget, number>();
  private readonly intervals = new WeakMap<AppTarget, number>();
  /** Numbers of the targets that the current worker knows. */
  private knownTargets = new Set<number>();
  private lastNumber = 0;
  private fault: (what: string, error: Error) => void = () => {};
  private turned: (isRunning: boolean) => void = () => {};
  private readonly gone = new FinalizationRegistry<number>((number) => {
    if (this.knownTargets.delete(number)) this.worker?.forget(number);
  });

  constructor(
    private readonly options: ProcessOptions,
    private readonly context: PluginContext,
  ) {
    context.signal.addEventListener('abort', () => void this.end(), { once: true });
  }

  /** @param turned called when its process has ended, which will be restarted, and when it runs again */
  report(fault: (what: string, error: Error) => void, turned: (isRunning: boolean) => void): void {
    this.fault = fault;
    this.turned = turned;
  }

  status(): NonNullable<PluginStatus['isolation']> {
    const { worker, restarts } = this;
    return { restarts, memoryBytes: worker?.memory ?? 0, ...(worker?.pid !== undefined && { pid: worker.pid }) };
  }

  start(): Promise<void> {
    return this.launch();
  }

  async stop(): Promise<void> {
    try {
      await this.worker?.call({ method: 'stop' });
    } finally {
      await this.end();
    }
  }

  watchTargets(changed: (containerName?: string) => void): void {
    this.changed = changed;
  }

  forgetTargets(containerName: string): void {
    this.known.delete(containerName);
  }

  /** The last answer of the plugin; it is asked again when the description of the container has changed. */
  targets(container: AppContainer): readonly AppTarget[] {
    const { name, description } = container;
    const known = this.known.get(name);
    if (known?.description === description) return known.targets;
    const asked: KnownTargets = { description, targets: known?.targets ?? [] };
    this.known.set(name, asked);
    void this.ask(container, asked);
    return asked.targets;
  }

  intervalOf(target: AppTarget): number {
    return this.intervals.get(target) ?? target.interval;
  }

  async collect(target: AppTarget, access: CollectionAccess): Promise<CollectedMetrics> {
    const { worker } = this;
    if (worker === undefined) throw new CollectionError('its plugin is being started again');
    const number = this.numberOf(target);
    const isNew = !this.knownTargets.has(number);
    this.knownTargets.add(number);
    const { container, now, limits } = access;
    const call = {
      method: 'collect',
      target: isNew ? { number, target } : { number },
      container,
      now,
      limits,
    } as const;
    const { collected, interval } = (await worker.call(call, access)) as CollectReply;
    if (interval !== undefined) this.intervals.set(target, interval);
    return collected as CollectedMetrics;
  }

  private async ask(container: AppContainer, asked: KnownTargets): Promise<void> {
    const { worker } = this;
    const isCurrent = () => this.known.get(container.name) === asked;
    try {
      const targets = await worker?.call({ method: 'targets', container });
      if (!isCurrent()) return;
      // Without a worker it is asked when there is one.
      if (worker === undefined) {
        this.known.delete(container.name);
        return;
      }
      asked.targets = checkedTargets(targets);
      this.changed(container.name);
    } catch (error) {
      if (isCollectionError(error) && isCurrent()) this.known.delete(container.name);
      else if (!isCollectionError(error)) this.fault('targets', error as Error);
    }
  }

  private numberOf(target: AppTarget): number {
    const known = this.numbers.get(target);
    if (known !== undefined) return known;
    const number = ++this.lastNumber;
    this.numbers.set(target, number);
    this.gone.register(target, number);
    return number;
  }

  /** Starts the process and the plugin. @throws TallymanError */
  private async launch(): Promise<void> {
    const worker = new WorkerProcess({
      ...this.options,
      logger: this.context.logger,
      onFault: (what, error) => this.fault(what, error),
      onExit: (reason) => this.died(worker, reason),
    });
    this.starting = worker;
    try {
      await worker.load();
      const { paths } = this.context.linux;
      await worker.call({ method: 'start', paths, machine: this.context.linux.machine() });
      this.knownTargets = new Set();
      this.startedAt = performance.now();
      this.worker = worker;
    } catch (error) {
      void worker.kill();
      throw error;
    } finally {
      this.starting = undefined;
    }
    if (this.stopped) void worker.kill();
  }

  private died(worker: WorkerProcess, reason: TallymanError): void {
    // One that dies before it runs is reported by `launch`.
    if (this.stopped || this.worker !== worker) return;
    this.worker = undefined;
    if (performance.now() - this.startedAt > this.pauses.longestMs) this.pauses.reset();
    this.fault('isolation', reason);
    this.turned(false);
    this.startAgain();
  }

  private startAgain(): void {
    if (this.stopped) return;
    this.retry = setTimeout(async () => {
      try {
        this.restarts++;
        await this.launch();
        if (this.stopped) return;
        this.turned(true);
        this.changed();
      } catch (error) {
        this.fault('start', error as Error);
        this.startAgain();
      }
    }, this.pauses.next());
  }

  private async end(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retry);
    const gone = Promise.all([this.starting?.kill(), this.worker?.kill()]);
    this.worker = undefined;
    await gone;
  }
}

/** @throws TallymanError when it is no list of targets */
function checkedTargets(answer: unknown): readonly AppTarget[] {
  const isTarget = (target: unknown) =>
    typeof target === 'object' &&
    target !== null &&
    typeof (target as AppTarget).name === 'string' &&
    typeof (target as AppTarget).interval === 'number';
  if (Array.isArray(answer) && answer.every(isTarget)) return answer as AppTarget[];
  throw new TallymanError('targets did not give a list of { name, interval }');
}
