import { AppMetricsKeeper, type AppMetricsOptions, appMetricsOf } from '../../src/kernel/app-metrics/index.js';
import { type Container, ContainerStore } from '../../src/kernel/containers/index.js';
import type {
  AppMetrics,
  AppTargetStatus,
  CgroupFiles,
  ContainerAppMetrics,
  ContainerDescription,
} from '../../src/kernel/contracts/index.js';
import { type ActivePlugin, Supervisor } from '../../src/kernel/supervision/index.js';
import { PluginRecord } from '../../src/kernel/supervision/record.js';
import { containerNamed, DESCRIPTION } from './containers.js';
import { keepingLogger, until, wallClock } from './discovery.js';

/** The kernel's part of application metrics, with containers that are only descriptions. */
export class AppMetricsBench {
  readonly logger = keepingLogger();
  readonly supervisor = new Supervisor(wallClock, this.logger);
  readonly keeper: AppMetricsKeeper;
  readonly store = new ContainerStore(this.logger);

  constructor(options: Partial<AppMetricsOptions> = {}) {
    this.keeper = new AppMetricsKeeper(
      {
        maxMetrics: 100,
        maxSeries: 1000,
        maxTotalSeries: 100_000,
        maxTargets: 20,
        maxTotalTargets: 2000,
        maxMemory: 4 * 1024 * 1024,
        maxTotalMemory: 64 * 1024 * 1024,
        maxRate: 1024 * 1024,
        maxTotalRate: 8 * 1024 * 1024,
        maxBodySize: 4 * 1024 * 1024,
        historyDurationMs: 120_000,
        proc: '/proc',
        version: 'test',
        ...options,
      },
      wallClock,
      this.logger,
      this.supervisor,
      this.store,
    );
    this.store.observe(this.keeper);
    this.keeper.start();
  }

  /** Adds a plugin that is already made. */
  use(id: string, instance: AppMetrics): ActivePlugin<'app-metrics'> {
    const record = new PluginRecord(id, id, id, 'fail');
    record.kind = 'app-metrics';
    record.state = 'running';
    this.supervisor.add(record);
    const plugin = { record, kind: 'app-metrics' as const, instance };
    this.keeper.pluginAdded(plugin);
    return plugin;
  }

  /** @param pids its processes; the first one's root directory is the container's */
  add(name: string, description: Partial<ContainerDescription>, pids: readonly number[] = []): Container {
    const cgroup = { pidsBelow: () => [...pids] } as unknown as CgroupFiles;
    const own = { aliases: [name.slice(1)], networkMode: 'own' as const };
    const container = containerNamed(name, { cgroup, description: { ...DESCRIPTION, ...own, ...description } });
    this.store.add(container);
    return container;
  }

  remove(name: string): void {
    const container = this.store.get(name);
    if (container !== undefined) this.store.remove(container);
  }

  metrics(name: string): ContainerAppMetrics {
    const container = this.store.get(name);
    const metrics = container && appMetricsOf(container);
    if (metrics === undefined) throw new Error(`nothing collects from ${name}`);
    return metrics;
  }

  /** The status of a container's only target, once it fits. */
  async status(name: string, fits: (status: AppTargetStatus) => boolean): Promise<AppTargetStatus> {
    const current = () => this.metrics(name).targets[0]!;
    await until(
      () => fits(current()),
      () => JSON.stringify(current()),
    );
    return current();
  }

  /** What was logged about a container. */
  said(name: string): readonly string[] {
    return this.logger.lines.filter((line) => line.includes(` ${name} `) || line.includes(` ${name}:`));
  }

  stop(): void {
    this.keeper.stop();
  }
}
