import {
  type AgentView,
  type Clock,
  type ContainerView,
  type SampleCursor,
  startTime,
} from '../../../kernel/contracts/index.js';
import type { ContainerPoints } from './encoder.js';
import type { OtlpOptions } from './options.js';

/** µs. Samples that are closer give no rate: two are 1 µs apart when the clock was set back between them. */
const SHORTEST = 10_000;

/** The sample of a container that was sent last. */
interface Sent {
  readonly view: ContainerView;
  readonly time: number;
  /** ns; NaN unknown */
  readonly cpu: number;
}

/** Tells what is new since the last time: the newest sample of each container, unless it was sent already. */
export class Collector {
  private readonly cursor = {} as SampleCursor;
  private sent = new Map<string, Sent>();

  constructor(
    private readonly agent: AgentView,
    private readonly clock: Clock,
    private readonly options: Pick<OtlpOptions, 'containersInclude' | 'containersExclude'>,
  ) {}

  /** Walks the containers. Each result is valid until the next one is asked for, or the event loop runs. */
  *collect(): Generator<ContainerPoints, void, void> {
    const sent = new Map<string, Sent>();
    for (const container of this.agent.containers()) {
      if (!this.isWanted(container)) continue;
      const known = this.sent.get(container.name);
      const before = known?.view === container ? known : undefined;
      const points = this.newest(container, before);
      if (points === undefined) {
        if (before !== undefined) sent.set(container.name, before);
        continue;
      }
      yield points;
      sent.set(container.name, { view: container, time: points.cursor.time, cpu: points.cpu });
    }
    this.sent = sent;
  }

  private newest(container: ContainerView, before: Sent | undefined): (ContainerPoints & { cpu: number }) | undefined {
    const window = container.samples({ count: 1 });
    if (window.length === 0) return undefined;
    const cursor = window.at(0, this.cursor);
    if (cursor.time === before?.time) return undefined;
    const column = cursor.layout.indexOf('cpu.usage.total');
    const cpu = column < 0 ? Number.NaN : cursor.values[cursor.base + column]!;
    const elapsed = before === undefined ? Number.NaN : cursor.time - before.time;
    const cpuUsage = elapsed >= SHORTEST ? (cpu - before!.cpu) / (elapsed * 1000) : Number.NaN;
    const start = startTime(container.description, container.createdAt, container.limits().createdAt);
    const uptime = start > 0 ? Math.max(0, this.clock.now() - start) / 1e6 : Number.NaN;
    return { container, cursor, start, cpuUsage: cpuUsage >= 0 ? cpuUsage : Number.NaN, uptime, cpu };
  }

  private isWanted({ name, description }: ContainerView): boolean {
    const { containersInclude, containersExclude } = this.options;
    const hit = (patterns: readonly RegExp[]) =>
      patterns.some((pattern) => pattern.test(name) || description.aliases.some((alias) => pattern.test(alias)));
    return (containersInclude === undefined || hit(containersInclude)) && !hit(containersExclude);
  }
}
