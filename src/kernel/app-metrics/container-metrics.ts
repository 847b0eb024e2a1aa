import { isDeepStrictEqual } from 'node:util';
import type {
  AppContainer,
  AppMetricSpec,
  AppMetricsSnapshot,
  AppTarget,
  AppTargetStatus,
  ContainerAppMetrics,
} from '../contracts/index.js';
import type { AppShares, FairShares } from './fair-shares.js';
import type { Budget } from './series.js';
import { type AppPlugin, type JobContext, type Neighbours, TargetJob } from './target-job.js';

/** Shares vary as containers come and go: a little more than its share is not taken back from a container. */
const TOLERANCE = 1.25;
/** Collections of one container at the same time. */
const AT_ONCE = 4;

/** What one container may have at most. */
export interface ContainerLimits extends Pick<Budget, 'metrics'> {
  /** Targets of one plugin. */
  readonly maxTargets: number;
}

/** The collectors of one container and what they gave. */
export class ContainerMetrics implements ContainerAppMetrics, Neighbours {
  private jobs: TargetJob[] = [];
  private collecting = 0;
  private readonly queue: (() => void)[] = [];
  /** What was told already; each is said once in the container's life. */
  private readonly told = new Set<string>();

  constructor(
    private readonly name: string,
    private readonly limits: ContainerLimits,
    private readonly shares: AppShares,
    private readonly warn: (message: string) => void,
    private readonly contextOf: (container: ContainerMetrics) => JobContext,
  ) {}

  get isEmpty(): boolean {
    return this.jobs.length === 0;
  }

  get specs(): readonly AppMetricSpec[] {
    const [only, ...others] = this.jobs;
    if (only === undefined || others.length === 0) return only?.history.specs ?? [];
    const specs = new Map<string, AppMetricSpec>();
    for (const { history } of this.jobs) {
      for (const spec of history.specs) if (!specs.has(spec.name)) specs.set(spec.name, spec);
    }
    return [...specs.values()];
  }

  get targets(): readonly AppTargetStatus[] {
    return this.jobs.map((job) => job.status());
  }

  at(time: number): readonly AppMetricsSnapshot[] {
    const snapshots: AppMetricsSnapshot[] = [];
    for (const { history } of this.jobs) {
      const snapshot = history.at(time);
      if (snapshot !== undefined) snapshots.push(snapshot);
    }
    return snapshots;
  }

  history(): readonly (readonly AppMetricsSnapshot[])[] {
    return this.jobs.map(({ history }) => history.all());
  }

  /** @param duration µs */
  keepFor(duration: number): void {
    for (const { history } of this.jobs) history.duration = duration;
  }

  /** What the other jobs leave of the container's limits and of its shares. */
  budget(asking: TargetJob): Budget {
    let { metrics } = this.limits;
    let series = Math.floor(this.shares.series.share);
    let bytes = this.shares.memory.share;
    for (const job of this.jobs) {
      if (job === asking) continue;
      metrics -= job.history.arrangement?.names.size ?? 0;
      series -= job.history.arrangement?.series.length ?? 0;
      bytes -= job.history.size;
    }
    return { metrics: Math.max(metrics, 0), series: Math.max(series, 0), bytes: Math.max(bytes, 0) };
  }

  /** Whether the container's share of all targets is too small for this one; told once. */
  isBeyondShare(job: TargetJob): boolean {
    const { share } = this.shares.targets;
    if (this.jobs.indexOf(job) < share) return false;
    this.tell(
      'share',
      `has ${this.jobs.length} targets, of which ${Math.floor(share)} are asked: all containers together have more than appMetrics.maxTotalTargets`,
    );
    return true;
  }

  /** By how much its targets are asked less often than they want, because together they send too much; told once. */
  get stretch(): number {
    const wanted = this.rate();
    const { share } = this.shares.rate;
    if (wanted <= share) return 1;
    this.tell(
      'rate',
      `sends ${Math.round(wanted)} bytes of metrics per second, of which it may send ${Math.round(share)} (appMetrics.maxRate, maxTotalRate): its targets are asked less often`,
    );
    return wanted / share;
  }

  /** Takes note of what a collection brought. */
  account(): void {
    let [series, bytes] = [0, 0];
    for (const { history } of this.jobs) {
      series += (history.arrangement?.series.length ?? 0) + (history.arrangement?.dropped ?? 0);
      bytes += history.size;
    }
    this.shares.series.want(this.name, series);
    this.shares.memory.want(this.name, bytes);
    this.shares.rate.want(this.name, this.rate());
  }

  /** Gives back what is far beyond its shares, which others need now; its targets may be asked only much later. */
  shrink(): void {
    const most = this.shares.memory.share / Math.max(this.jobs.length, 1);
    let series = this.shares.series.share * TOLERANCE;
    for (const { history } of this.jobs) {
      if (history.size > most * TOLERANCE) history.shrink(most);
      const { length } = history.arrangement?.series ?? [];
      if (length <= series) series -= length;
      else history.clear();
    }
  }

  /** Runs a collection when fewer than `AT_ONCE` of the container's are under way. */
  async inTurn(collect: () => Promise<void>): Promise<void> {
    if (this.collecting >= AT_ONCE) await new Promise<void>((resolve) => this.queue.push(resolve));
    else this.collecting++;
    try {
      await collect();
    } finally {
      const next = this.queue.shift();
      if (next === undefined) this.collecting--;
      else next();
    }
  }

  /**
   * Takes the targets that a plugin has for the container now. Those that are as before go on undisturbed.
   * @param renew all of them begin anew: the container's processes are others
   * @returns the jobs that are new
   */
  update(plugin: AppPlugin, declared: readonly AppTarget[], renew: boolean): readonly TargetJob[] {
    const { maxTargets } = this.limits;
    if (declared.length > maxTargets) {
      this.tell(
        plugin.record.id,
        `has ${declared.length} targets for ${plugin.record.id}, of which ${maxTargets} are asked (appMetrics.maxTargets)`,
      );
    }
    const targets = declared.slice(0, maxTargets);
    const before = this.jobs.filter((job) => job.plugin === plugin);
    const kept = renew ? [] : before.filter(({ target }) => targets.some((other) => isDeepStrictEqual(target, other)));
    for (const job of before) if (!kept.includes(job)) job.stop();
    const fresh = targets
      .filter((target) => !kept.some((job) => isDeepStrictEqual(job.target, target)))
      .map((target) => new TargetJob(plugin, target, this.contextOf(this)));
    this.jobs = [...this.jobs.filter((job) => job.plugin !== plugin), ...kept, ...fresh];
    this.shares.targets.want(this.name, this.jobs.length);
    this.account();
    return fresh;
  }

  stop(): void {
    for (const job of this.jobs) job.stop();
    this.jobs = [];
    for (const shares of Object.values(this.shares) as FairShares[]) shares.forget(this.name);
  }

  /** Bytes per second that its targets would send if they were asked as often as they want. */
  private rate(): number {
    return this.jobs.reduce((sum, { received, wantedInterval }) => sum + (received * 1000) / wantedInterval, 0);
  }

  tell(about: string, message: string): void {
    if (this.told.has(about)) return;
    this.told.add(about);
    this.warn(`${this.name} ${message}`);
  }
}

/** All labels of a container, published or not. */
export function appContainer(name: string, description: AppContainer['description']): AppContainer {
  const { labels, unpublishedLabels } = description;
  return { name, description, labels: unpublishedLabels === undefined ? labels : { ...labels, ...unpublishedLabels } };
}
