import { isDeepStrictEqual } from 'node:util';
import type { AgentConfig } from '../config/index.js';
import {
  type AppContainer,
  type AppMetricSpec,
  type AppMetricsSnapshot,
  type AppTarget,
  type AppTargetStatus,
  type ContainerAppMetrics,
  OnceLogger,
} from '../contracts/index.js';
import type { AppShares, FairShares } from './fair-shares.js';
import type { Budget } from './series.js';
import { type AppPlugin, type JobContext, type TargetGroup, TargetJob } from './target-job.js';

/** A container may exceed its share by this factor before values are removed, because shares vary. */
const SHARE_TOLERANCE = 1.25;
/** Concurrent collections of one container. */
const MAX_CONCURRENT = 4;

/** The collection jobs of one container and their results. */
export class ContainerMetrics implements ContainerAppMetrics, TargetGroup {
  private jobs: TargetJob[] = [];
  private collecting = 0;
  private readonly queue: (() => void)[] = [];
  private readonly once: OnceLogger;

  constructor(
    private readonly name: string,
    private readonly limits: Pick<AgentConfig['appMetrics'], 'maxMetrics' | 'maxTargets'>,
    private readonly shares: AppShares,
    warn: (message: string) => void,
    private readonly contextOf: (container: ContainerMetrics) => JobContext,
  ) {
    this.once = new OnceLogger({ warn });
  }

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

  budget(asking: TargetJob): Budget {
    let metrics = this.limits.maxMetrics;
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

  isBeyondShare(job: TargetJob): boolean {
    const { share } = this.shares.targets;
    if (this.jobs.indexOf(job) < share) return false;
    this.warnOnce(
      'share',
      `has ${this.jobs.length} targets, of which ${Math.floor(share)} are collected: all containers together have more than appMetrics.maxTotalTargets`,
    );
    return true;
  }

  get slowdown(): number {
    const wanted = this.rate();
    const { share } = this.shares.rate;
    if (wanted <= share) return 1;
    this.warnOnce(
      'rate',
      `sends ${Math.round(wanted)} bytes of metrics per second, of which it may send ${Math.round(share)} (appMetrics.maxRate, maxTotalRate): its targets are scraped less often`,
    );
    return wanted / share;
  }

  updateShares(): void {
    let [series, bytes] = [0, 0];
    for (const { history } of this.jobs) {
      series += (history.arrangement?.series.length ?? 0) + (history.arrangement?.dropped ?? 0);
      bytes += history.size;
    }
    this.shares.series.want(this.name, series);
    this.shares.memory.want(this.name, bytes);
    this.shares.rate.want(this.name, this.rate());
  }

  /** Removes values far beyond the container's shares, which other containers need now. */
  shrink(): void {
    const most = this.shares.memory.share / Math.max(this.jobs.length, 1);
    let series = this.shares.series.share * SHARE_TOLERANCE;
    for (const { history } of this.jobs) {
      if (history.size > most * SHARE_TOLERANCE) history.shrink(most);
      const { length } = history.arrangement?.series ?? [];
      if (length <= series) series -= length;
      else history.clear();
    }
  }

  async inTurn(collect: () => Promise<void>): Promise<void> {
    if (this.collecting >= MAX_CONCURRENT) await new Promise<void>((resolve) => this.queue.push(resolve));
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
   * Updates the targets of a plugin for the container. Jobs of unchanged targets continue.
   * @param renew restarts all of them, because the container has restarted
   * @returns the new jobs, to be started
   */
  update(plugin: AppPlugin, declared: readonly AppTarget[], renew: boolean): readonly TargetJob[] {
    const { maxTargets } = this.limits;
    if (declared.length > maxTargets) {
      this.warnOnce(
        plugin.record.id,
        `has ${declared.length} targets for ${plugin.record.id}, of which ${maxTargets} are collected (appMetrics.maxTargets)`,
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
    this.updateShares();
    return fresh;
  }

  stop(): void {
    for (const job of this.jobs) job.stop();
    this.jobs = [];
    for (const shares of Object.values(this.shares) as FairShares[]) shares.want(this.name, 0);
  }

  /** Bytes per second that the targets would send at their wanted intervals. */
  private rate(): number {
    return this.jobs.reduce((sum, { received, wantedInterval }) => sum + (received * 1000) / wantedInterval, 0);
  }

  warnOnce(topic: string, message: string): void {
    this.once.warn(topic, `${this.name} ${message}`);
  }
}

/** All labels of a container, published or not. */
export function appContainer(name: string, description: AppContainer['description']): AppContainer {
  const { labels, unpublishedLabels } = description;
  return { name, description, labels: unpublishedLabels === undefined ? labels : { ...labels, ...unpublishedLabels } };
}
