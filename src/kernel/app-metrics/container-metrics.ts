import { isDeepStrictEqual } from 'node:util';
import type {
  AppContainer,
  AppMetricSpec,
  AppMetricsSnapshot,
  AppTarget,
  AppTargetStatus,
  CollectionAccess,
  ContainerAppMetrics,
} from '../contracts/index.js';
import type { Budget } from './series.js';
import { type AppPlugin, type JobContext, TargetJob } from './target-job.js';

/** The collectors of one container and what they gave. */
export class ContainerMetrics implements ContainerAppMetrics {
  private jobs: TargetJob[] = [];

  constructor(
    private readonly limits: CollectionAccess['limits'],
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

  /** What the other jobs leave of the container's limits. */
  budget(asking: TargetJob): Budget {
    let { metrics, series } = this.limits;
    for (const job of this.jobs) {
      const taken = job === asking ? undefined : job.history.arrangement;
      metrics -= taken?.names.size ?? 0;
      series -= taken?.series.length ?? 0;
    }
    return { metrics: Math.max(metrics, 0), series: Math.max(series, 0) };
  }

  /**
   * Takes the targets that a plugin has for the container now. Those that are as before go on undisturbed.
   * @param renew all of them begin anew: the container's processes are others
   * @returns the jobs that are new
   */
  update(plugin: AppPlugin, targets: readonly AppTarget[], renew: boolean): readonly TargetJob[] {
    const before = this.jobs.filter((job) => job.plugin === plugin);
    const kept = renew ? [] : before.filter(({ target }) => targets.some((other) => isDeepStrictEqual(target, other)));
    for (const job of before) if (!kept.includes(job)) job.stop();
    const fresh = targets
      .filter((target) => !kept.some((job) => isDeepStrictEqual(job.target, target)))
      .map((target) => new TargetJob(plugin, target, this.contextOf(this)));
    this.jobs = [...this.jobs.filter((job) => job.plugin !== plugin), ...kept, ...fresh];
    return fresh;
  }

  stop(): void {
    for (const job of this.jobs) job.stop();
    this.jobs = [];
  }
}

/** All labels of a container, published or not. */
export function appContainer(name: string, description: AppContainer['description']): AppContainer {
  const { labels, unpublishedLabels } = description;
  return { name, description, labels: unpublishedLabels === undefined ? labels : { ...labels, ...unpublishedLabels } };
}
