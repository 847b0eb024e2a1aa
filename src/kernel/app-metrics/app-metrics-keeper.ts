import { type Container, type ContainerObserver, type ContainerStore, Slot } from '../containers/index.js';
import type { AppContainer, Clock, ContainerAppMetrics, ContainerDescription, Logger } from '../contracts/index.js';
import type { Supervisor } from '../supervision/index.js';
import { type AccessServices, ContainerAccess } from './access.js';
import { appContainer, ContainerMetrics } from './container-metrics.js';
import type { Reach } from './destination.js';
import { type AppShares, FairShares } from './fair-shares.js';
import { HttpGetter } from './http-get.js';
import { InFlight } from './in-flight.js';
import type { LateTargets } from './late-targets.js';
import type { AppPlugin, JobContext } from './target-job.js';

/** First collections of targets found together are spread over this many ms. */
const FIRST_SPREAD = 1_000;
/** So many of the largest answers may be read and worked on at the same time. */
const BODIES_IN_FLIGHT = 8;

/** The `appMetrics` part of the config, and what else is fixed for the run. */
export interface AppMetricsOptions {
  /** Most distinct metric names of a container. */
  readonly maxMetrics: number;
  /** Most series of a container. */
  readonly maxSeries: number;
  /** Most series of all containers. */
  readonly maxTotalSeries: number;
  /** Most targets of a container and plugin. */
  readonly maxTargets: number;
  /** Most targets of all containers. */
  readonly maxTotalTargets: number;
  /** Bytes kept of a container, and of all. */
  readonly maxMemory: number;
  readonly maxTotalMemory: number;
  /** Bytes per second read from a container, and from all. */
  readonly maxRate: number;
  readonly maxTotalRate: number;
  /** Bytes of an answer. */
  readonly maxBodySize: number;
  /** How far back values are kept, ms. */
  readonly historyDurationMs: number;
  /** The host's `/proc`. */
  readonly proc: string;
  /** Version of the agent. */
  readonly version: string;
}

/** What is collected from a container. */
const APP_METRICS = new Slot<ContainerMetrics>('app-metrics');

/** A container's own metrics; `undefined` when nothing collects any. */
export function appMetricsOf(container: Container): ContainerAppMetrics | undefined {
  const metrics = container.get(APP_METRICS);
  return metrics === undefined || metrics.isEmpty ? undefined : metrics;
}

/** Decides which plugins collect metrics from which containers, and when. */
export class AppMetricsKeeper implements ContainerObserver {
  private readonly services: AccessServices;
  private readonly shares: AppShares;
  private plugins: readonly AppPlugin[] = [];
  private running = false;
  private historyDurationMs: number;

  constructor(
    private readonly options: AppMetricsOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly supervisor: Supervisor,
    private readonly store: ContainerStore,
  ) {
    this.historyDurationMs = options.historyDurationMs;
    const { proc, version, maxBodySize, maxMetrics: metrics, maxSeries: series } = options;
    const inFlight = new InFlight(maxBodySize * BODIES_IN_FLIGHT);
    const userAgent = `tallyman/${version}`;
    this.services = { getter: new HttpGetter(), proc, userAgent, maxBodySize, limits: { metrics, series }, inFlight };
    this.shares = {
      targets: new FairShares(options.maxTotalTargets),
      series: new FairShares(options.maxTotalSeries, series),
      memory: new FairShares(options.maxTotalMemory, options.maxMemory),
      rate: new FairShares(options.maxTotalRate, options.maxRate),
    };
  }

  /** Begins to collect. Containers and plugins may have been added before. */
  start(): void {
    this.running = true;
    for (const plugin of this.plugins) for (const container of this.store.all()) this.attach(container, plugin, false);
  }

  stop(): void {
    this.running = false;
    for (const container of this.store.all()) container.get(APP_METRICS)?.stop();
  }

  /** Keeps values for another time from now on. */
  keepFor(historyDurationMs: number): void {
    this.historyDurationMs = historyDurationMs;
    for (const container of this.store.all()) container.get(APP_METRICS)?.keepFor(historyDurationMs * 1000);
  }

  added(container: Container): void {
    const { name } = container;
    const limits = { metrics: this.options.maxMetrics, maxTargets: this.options.maxTargets };
    const warn = (message: string) => this.logger.warn(message, { container: name });
    const contextOf = (metrics: ContainerMetrics) => this.contextOf(container, metrics);
    container.set(APP_METRICS, new ContainerMetrics(name, limits, this.shares, warn, contextOf));
    for (const plugin of this.plugins) this.attach(container, plugin, false);
  }

  removed(container: Container): void {
    container.get(APP_METRICS)?.stop();
    for (const { instance } of this.plugins) if (answersLate(instance)) instance.forgetTargets(container.name);
  }

  /** A container is described differently. */
  descriptionChanged(container: Container, previous: ContainerDescription): void {
    const hasRestarted = previous.pid !== undefined && container.description.pid !== previous.pid;
    for (const plugin of this.plugins) this.attach(container, plugin, hasRestarted);
  }

  pluginAdded(plugin: AppPlugin): void {
    this.plugins = [...this.plugins, plugin];
    const { instance } = plugin;
    if (answersLate(instance)) instance.watchTargets((name) => this.targetsChanged(plugin, name));
    for (const container of this.store.all()) this.attach(container, plugin, false);
  }

  pluginRemoved(plugin: AppPlugin): void {
    this.plugins = this.plugins.filter((other) => other !== plugin);
    for (const container of this.store.all()) container.get(APP_METRICS)?.update(plugin, [], false);
  }

  /** A plugin that answers later has an answer. @param name of the container; absent: for any */
  private targetsChanged(plugin: AppPlugin, name?: string): void {
    if (!this.plugins.includes(plugin)) return;
    const asked = name === undefined ? this.store.all() : [this.store.get(name)];
    for (const container of asked) if (container !== undefined) this.attach(container, plugin, false);
  }

  private attach(container: Container, plugin: AppPlugin, renew: boolean): void {
    const metrics = container.get(APP_METRICS);
    if (!this.running || metrics === undefined) return;
    const asked = appContainer(container.name, container.description);
    const targets = this.supervisor.guard(plugin.record, 'targets', () => plugin.instance.targets(asked));
    // A plugin that is paused or threw keeps the targets it had.
    if (targets === undefined) return;
    for (const job of metrics.update(plugin, targets, renew)) job.start(Math.random() * FIRST_SPREAD);
  }

  private contextOf(tracked: Container, metrics: ContainerMetrics): JobContext {
    const { clock, logger, supervisor, services } = this;
    return {
      container: tracked.name,
      clock,
      logger,
      supervisor,
      historyDurationUs: this.historyDurationMs * 1000,
      metrics,
      collected: () => {
        metrics.account();
        const { series, memory } = this.shares;
        if (!series.areShort && !memory.areShort) return;
        for (const container of this.store.all()) container.get(APP_METRICS)?.shrink();
      },
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
    const owner = networkOf === undefined ? undefined : this.store.find(namespace ?? '', networkOf)?.description;
    if (owner === undefined || owner.networkMode === 'shared') return { networkMode, addresses: [], trustedHosts };
    return { networkMode: owner.networkMode, addresses: owner.addresses ?? [], trustedHosts };
  }
}

function answersLate<T extends object>(instance: T): instance is T & LateTargets {
  return 'watchTargets' in instance;
}
