import type { AppContainer, Clock, ContainerAppMetrics, ContainerDescription, Logger } from '../contracts/index.js';
import type { TrackedContainer } from '../discovery/index.js';
import type { LateTargets } from '../plugins/index.js';
import type { Supervisor } from '../supervision/index.js';
import { type AccessServices, ContainerAccess } from './access.js';
import { appContainer, ContainerMetrics } from './container-metrics.js';
import type { Reach } from './destination.js';
import { HttpGetter } from './http-get.js';
import type { AppPlugin, JobContext } from './target-job.js';

/** First collections of targets found together are spread over this many ms. */
const FIRST_SPREAD = 1_000;

/** The `appMetrics` part of the config, and what else is fixed for the run. */
export interface AppMetricsOptions {
  /** Most distinct metric names of a container. */
  readonly maxMetrics: number;
  /** Most series of a container. */
  readonly maxSeries: number;
  /** Bytes of an answer. */
  readonly maxBodySize: number;
  /** How far back values are kept, ms. */
  readonly historyDuration: number;
  /** The host's `/proc`. */
  readonly proc: string;
  /** Version of the agent. */
  readonly version: string;
}

interface Kept {
  readonly tracked: TrackedContainer;
  readonly metrics: ContainerMetrics;
}

/** Decides which plugins collect metrics from which containers, and when. */
export class AppMetricsKeeper {
  private readonly containers = new Map<string, Kept>();
  private readonly services: AccessServices;
  private plugins: readonly AppPlugin[] = [];
  private running = false;
  private historyDuration: number;

  /** @param describe finds a container by its runtime's name (`docker`) and its id */
  constructor(
    private readonly options: AppMetricsOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly supervisor: Supervisor,
    private readonly describe: (namespace: string, id: string) => ContainerDescription | undefined,
  ) {
    this.historyDuration = options.historyDuration;
    const { proc, version, maxBodySize, maxMetrics: metrics, maxSeries: series } = options;
    const userAgent = `tallyman/${version}`;
    this.services = { getter: new HttpGetter(), proc, userAgent, maxBodySize, limits: { metrics, series } };
  }

  /** Begins to collect. Containers and plugins may have been added before. */
  start(): void {
    this.running = true;
    for (const plugin of this.plugins) for (const kept of this.containers.values()) this.attach(kept, plugin, false);
  }

  stop(): void {
    this.running = false;
    for (const { metrics } of this.containers.values()) metrics.stop();
  }

  /** Keeps values for another time from now on. @param duration ms */
  keepFor(duration: number): void {
    this.historyDuration = duration;
    for (const { metrics } of this.containers.values()) metrics.keepFor(duration * 1000);
  }

  /** The metrics of a container, `undefined` when nothing collects any. */
  of(name: string): ContainerAppMetrics | undefined {
    const metrics = this.containers.get(name)?.metrics;
    return metrics === undefined || metrics.isEmpty ? undefined : metrics;
  }

  add(tracked: TrackedContainer): void {
    this.remove(tracked.name);
    const limits = this.services.limits;
    const kept: Kept = {
      tracked,
      metrics: new ContainerMetrics(limits, (metrics) => this.contextOf(tracked, metrics)),
    };
    this.containers.set(tracked.name, kept);
    for (const plugin of this.plugins) this.attach(kept, plugin, false);
  }

  remove(name: string): void {
    this.containers.get(name)?.metrics.stop();
    if (!this.containers.delete(name)) return;
    for (const { instance } of this.plugins) if (answersLate(instance)) instance.forgetTargets(name);
  }

  /** A container is described differently. */
  descriptionChanged({ name, description }: TrackedContainer, previous: ContainerDescription): void {
    const kept = this.containers.get(name);
    if (kept === undefined) return;
    const restarted = previous.pid !== undefined && description.pid !== previous.pid;
    for (const plugin of this.plugins) this.attach(kept, plugin, restarted);
  }

  pluginAdded(plugin: AppPlugin): void {
    this.plugins = [...this.plugins, plugin];
    const { instance } = plugin;
    if (answersLate(instance)) instance.watchTargets((name) => this.targetsChanged(plugin, name));
    for (const kept of this.containers.values()) this.attach(kept, plugin, false);
  }

  pluginRemoved(plugin: AppPlugin): void {
    this.plugins = this.plugins.filter((other) => other !== plugin);
    for (const { metrics } of this.containers.values()) metrics.update(plugin, [], false);
  }

  /** A plugin that answers later has an answer. @param name of the container; absent: for any */
  private targetsChanged(plugin: AppPlugin, name?: string): void {
    if (!this.plugins.includes(plugin)) return;
    const all = name === undefined ? [...this.containers.values()] : [this.containers.get(name)];
    for (const kept of all) if (kept !== undefined) this.attach(kept, plugin, false);
  }

  private attach({ tracked, metrics }: Kept, plugin: AppPlugin, renew: boolean): void {
    if (!this.running) return;
    const container = appContainer(tracked.name, tracked.description);
    const targets = this.supervisor.guard(plugin.record, 'targets', () => plugin.instance.targets(container));
    // A plugin that is paused or threw keeps the targets it had.
    if (targets === undefined) return;
    for (const job of metrics.update(plugin, targets, renew)) job.start(Math.random() * FIRST_SPREAD);
  }

  private contextOf(tracked: TrackedContainer, metrics: ContainerMetrics): JobContext {
    const { clock, logger, supervisor, services } = this;
    return {
      container: tracked.name,
      clock,
      logger,
      supervisor,
      historyDuration: this.historyDuration * 1000,
      budget: (job) => metrics.budget(job),
      access: ({ trustedHosts = [] }, signal, now) => {
        const container = appContainer(tracked.name, tracked.description);
        return new ContainerAccess(
          container,
          tracked.cgroup,
          this.reach(container, trustedHosts),
          services,
          signal,
          now,
        );
      },
    };
  }

  private reach({ description }: AppContainer, trustedHosts: readonly string[]): Reach {
    const { networkMode, networkOf, namespace, addresses = [] } = description;
    if (networkMode !== 'shared') return { networkMode, addresses, trustedHosts };
    const owner = networkOf === undefined ? undefined : this.describe(namespace ?? '', networkOf);
    if (owner === undefined || owner.networkMode === 'shared') return { networkMode, addresses: [], trustedHosts };
    return { networkMode: owner.networkMode, addresses: owner.addresses ?? [], trustedHosts };
  }
}

function answersLate<T extends object>(instance: T): instance is T & LateTargets {
  return 'watchTargets' in instance;
}
