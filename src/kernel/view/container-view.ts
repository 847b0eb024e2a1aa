import { appMetricsOf } from '../app-metrics/index.js';
import type { Container, ContainerLimits, KnownCgroups, Lack } from '../containers/index.js';
import type {
  ContainerAppMetrics,
  ContainerDescription,
  ContainerView,
  DerivedStats,
  Limit,
  ResourceLimits,
  SamplePart,
  SampleQuery,
  SampleWindow,
  UsageMinutes,
} from '../contracts/index.js';
import type { MonitoredContainer } from '../housekeeping/index.js';

/** Sources of a container's view besides its record. */
export interface ViewSources {
  readonly limits: ContainerLimits;
  readonly cgroups: KnownCgroups;
}

/** The read-only view of a container: its description and its samples. */
export class RecordedContainer implements ContainerView {
  constructor(
    readonly container: Container,
    private readonly sampling: MonitoredContainer,
    private readonly sources: ViewSources,
  ) {}

  get name(): string {
    return this.container.name;
  }

  get description(): ContainerDescription {
    return this.container.description;
  }

  get createdAt(): number {
    return this.sources.limits.creationOf(this.container).createdAt;
  }

  get createdAtExtraNs(): number {
    return this.sources.limits.creationOf(this.container).createdAtExtraNs;
  }

  has(part: SamplePart): boolean {
    const { name, controllers, cgroup } = this.container;
    const unified = cgroup.version === 2;
    // Same as in `limits()`, but from the record: requests about all containers call this for each of them.
    if (part === 'cpu') return unified || controllers.has('cpu') || controllers.has('cpuset');
    if (part === 'memory') return name === '/' || controllers.has('memory');
    if (part === 'processes') return name !== '/' && (unified || controllers.has('pids'));
    return this.sampling.parts.has(part);
  }

  limits(): ResourceLimits {
    return this.sources.limits.of(this.container);
  }

  memoryLimit(): Limit | undefined {
    return this.sources.limits.memoryOf(this.container);
  }

  children(): readonly string[] {
    return this.sources.cgroups.children(this.name);
  }

  processIds(): readonly number[] {
    return this.container.cgroup.pids();
  }

  samples(query?: SampleQuery): SampleWindow {
    return this.sampling.ring.window(query);
  }

  summary(): DerivedStats | undefined {
    return this.has('cpu') || this.has('memory') ? this.sampling.summarizer.stats() : undefined;
  }

  minutes(count: number): UsageMinutes {
    return this.sampling.summarizer.minuteSeries(count);
  }

  get appMetrics(): ContainerAppMetrics | undefined {
    return appMetricsOf(this.container);
  }

  get missing(): readonly Lack[] {
    const lacks: Lack[] = [...this.container.missing];
    for (const { what, reason, expected } of this.sampling.absences) if (!expected) lacks.push({ what, reason });
    for (const { probe, source, isLeftOut } of this.sampling.slots) {
      lacks.push(...(probe.missing ?? []));
      if (isLeftOut) lacks.push({ what: source.record.id, reason: 'its columns changed at every read' });
    }
    for (const { name, error, problems } of this.appMetrics?.targets ?? []) {
      const reasons = error === undefined ? problems : [error];
      for (const reason of reasons) lacks.push({ what: `custom_metrics ${name}`, reason });
    }
    if (this.description.stale === true) {
      lacks.push({ what: 'description', reason: 'its runtime cannot be reached: the last description known is shown' });
    }
    return lacks;
  }
}
