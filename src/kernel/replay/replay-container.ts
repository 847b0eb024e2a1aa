import type { CapsuleAppMetrics, CapsuleContainer } from '../capsules/index.js';
import type {
  AppMetricsSnapshot,
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
import type { SampleRing } from '../history/index.js';

/** A container as a capsule has it. */
export class ReplayContainer implements ContainerView {
  readonly name: string;
  readonly description: ContainerDescription;
  readonly createdAt: number;
  readonly createdAtExtraNs: number;
  readonly missing: ContainerView['missing'];
  readonly appMetrics: ContainerAppMetrics | undefined;

  constructor(
    private readonly container: CapsuleContainer,
    private readonly ring: SampleRing,
    private readonly pids: readonly number[],
  ) {
    const { name, description, createdAt, createdAtExtraNs, missing, appMetrics } = container;
    this.name = name;
    this.description = description;
    this.createdAt = createdAt;
    this.createdAtExtraNs = createdAtExtraNs;
    this.missing = missing;
    this.appMetrics = appMetrics && new ReplayAppMetrics(appMetrics);
  }

  has(part: SamplePart): boolean {
    return this.container.parts.includes(part);
  }

  limits(): ResourceLimits {
    return this.container.limits;
  }

  memoryLimit(): Limit | undefined {
    return this.container.limits.memory.limit;
  }

  children(): readonly string[] {
    return this.container.children;
  }

  processIds(): readonly number[] {
    return this.pids;
  }

  samples(query?: SampleQuery): SampleWindow {
    return this.ring.window(query);
  }

  /** A capsule has samples only. */
  minutes(): UsageMinutes {
    const none = { mean: [], max: [] };
    return { times: [], cpu: none, memory: none };
  }

  summary(): DerivedStats | undefined {
    return this.container.summary;
  }
}

class ReplayAppMetrics implements ContainerAppMetrics {
  readonly specs: ContainerAppMetrics['specs'];
  readonly targets: ContainerAppMetrics['targets'];

  constructor(private readonly recorded: CapsuleAppMetrics) {
    this.specs = recorded.specs;
    this.targets = recorded.targets;
  }

  at(time: number): readonly AppMetricsSnapshot[] {
    return this.history().flatMap((snapshots) => snapshots.findLast((snapshot) => snapshot.time <= time) ?? []);
  }

  history(): readonly (readonly AppMetricsSnapshot[])[] {
    return this.recorded.history;
  }
}
