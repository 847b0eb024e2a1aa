import type {
  ContainerAppMetrics,
  ContainerDescription,
  ContainerView,
  DerivedStats,
  ResourceLimits,
  SamplePart,
  SampleQuery,
  SampleWindow,
} from '../contracts/index.js';
import type { TrackedContainer } from '../discovery/index.js';
import type { MonitoredContainer } from '../housekeeping/index.js';

/** Limits are read again at most this often, in ms. */
const LIMITS_AGE = 5_000;
/** A runtime writes the limits after it made the cgroup: in its first seconds they are read again sooner. */
const YOUNG = 10_000;
const LIMITS_AGE_YOUNG = 200;

/** What a view asks the rest of the agent. */
export interface ViewSources {
  readonly monotonic: () => number;
  /** @param createdAt when the container was made, if that is certain by now; 0 or absent: to be found out */
  readonly readLimits: (container: TrackedContainer, createdAt: number | undefined) => ResourceLimits;
  readonly children: (name: string) => readonly string[];
  readonly appMetrics: (name: string) => ContainerAppMetrics | undefined;
}

/** One container, joined from the registry (who it is) and housekeeping (what was measured). */
export class JoinedContainer implements ContainerView {
  private readLimits: ResourceLimits | undefined;
  private limitsReadAt = 0;
  private readonly since: number;
  /** The kernel may renew the time of a cgroup's inode that it dropped from memory: the earliest one seen counts. */
  private earliest = 0;

  constructor(
    private readonly tracked: TrackedContainer,
    private readonly monitored: MonitoredContainer,
    private readonly sources: ViewSources,
  ) {
    this.since = sources.monotonic();
  }

  get name(): string {
    return this.tracked.name;
  }

  get description(): ContainerDescription {
    return this.tracked.description;
  }

  get createdAt(): number {
    this.limits();
    return this.description.createdAt ?? this.earliest;
  }

  has(part: SamplePart): boolean {
    const { name, controllers, cgroup } = this.tracked;
    const unified = cgroup.version === 2;
    // What `limits()` says too, from what the registry knows: answers about all containers ask each of them.
    if (part === 'cpu') return unified || controllers.has('cpu') || controllers.has('cpuset');
    if (part === 'memory') return name === '/' || controllers.has('memory');
    if (part === 'processes') return name !== '/' && (unified || controllers.has('pids'));
    return this.monitored.parts.has(part);
  }

  limits(): ResourceLimits {
    const now = this.sources.monotonic();
    const young = now - this.since < YOUNG;
    if (this.readLimits === undefined || now - this.limitsReadAt >= (young ? LIMITS_AGE_YOUNG : LIMITS_AGE)) {
      this.readLimits = this.sources.readLimits(this.tracked, young ? undefined : this.earliest);
      this.limitsReadAt = now;
      const { createdAt } = this.readLimits;
      if (createdAt > 0) this.earliest = this.earliest === 0 ? createdAt : Math.min(this.earliest, createdAt);
    }
    return this.readLimits;
  }

  /** Reads the limits anew when next asked: the container's cgroups are others now. */
  forgetLimits(): void {
    this.readLimits = undefined;
  }

  children(): readonly string[] {
    return this.sources.children(this.name);
  }

  samples(query?: SampleQuery): SampleWindow {
    return this.monitored.ring.window(query);
  }

  summary(): DerivedStats | undefined {
    return this.has('cpu') || this.has('memory') ? this.monitored.summarizer.stats() : undefined;
  }

  get appMetrics(): ContainerAppMetrics | undefined {
    return this.sources.appMetrics(this.name);
  }

  get missing(): readonly { readonly what: string; readonly reason: string }[] {
    const lacks: { what: string; reason: string }[] = [...this.tracked.missing];
    for (const { what, reason, expected } of this.monitored.absences) if (!expected) lacks.push({ what, reason });
    for (const { probe, source, isLeftOut } of this.monitored.slots) {
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
