import type { AgentConfig } from '../config/index.js';
import { type Container, type ContainerObserver, type ContainerStore, Slot } from '../containers/index.js';
import type { AppContainer, Clock, ContainerAppMetrics, ContainerDescription, Logger } from '../contracts/index.js';
import type { Supervisor } from '../supervision/index.js';
import { type AccessServices, ContainerAccess } from './access.js';
import { appContainer, ContainerMetrics } from './container-metrics.js';
import type { NetworkScope } from './destination.js';
import { type AppShares, FairShares, ResponseBudget } from './fair-shares.js';
import { HttpGetter } from './http-get.js';
import type { AppPlugin, JobContext } from './target-job.js';

/** First collections are spread over this time. */
const INITIAL_SPREAD_MS = 1_000;
/** How many responses of maximum size may be held at the same time. */
const CONCURRENT_BODIES = 8;

/** The `appMetrics` section of the config, and other values that are fixed at start. */
export interface AppMetricsOptions extends Readonly<AgentConfig['appMetrics']> {
  /** How long values are kept. */
  readonly historyDurationMs: number;
  readonly proc: string;
  readonly version: string;
}

/** An app-metrics plugin whose `targets` may change later without a change of the container. */
export interface LateTargets {
  /** @param changed called when the result of `targets` has changed, for one container or for any */
  watchTargets(changed: (containerName?: string) => void): void;
  /** The container was removed. */
  forgetTargets(containerName: string): void;
}

/** The application metrics of a container. */
const APP_METRICS = new Slot<ContainerMetrics>('app-metrics');

/** The application metrics of a container; `undefined` when it has no targets. */
export function appMetricsOf(container: Container): ContainerAppMetrics | undefined {
  const metrics = container.get(APP_METRICS);
  return metrics === undefined || metrics.isEmpty ? undefined : metrics;
}

/** Decides which plugins collect application metrics from which containers, and when. */
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
    this.services = {
      getter: new HttpGetter(),
      proc,
      userAgent: `tallyman/${version}`,
      maxBodySize,
      limits: { metrics, series },
      responseBudget: new ResponseBudget(maxBodySize * CONCURRENT_BODIES),
    };
    this.shares = {
      targets: new FairShares(options.maxTotalTargets),
      series: new FairShares(options.maxTotalSeries, series),
      memory: new FairShares(options.maxTotalMemory, options.maxMemory),
      rate: new FairShares(options.maxTotalRate, options.maxRate),
    };
  }

  /** Starts collecting from the containers and plugins added so far and later. */
  start(): void {
    this.running = true;
    for (const plugin of this.plugins) for (const container of this.store.all()) this.attach(container, plugin, false);
  }

  stop(): void {
    this.running = false;
    for (const container of this.store.all()) container.get(APP_METRICS)?.stop();
  }

  keepFor(historyDurationMs: number): void {
    this.historyDurationMs = historyDurationMs;
    for (const container of this.store.all()) container.get(APP_METRICS)?.keepFor(historyDurationMs * 1000);
  }

  added(container: Container): void {
    for (const plugin of this.plugins) this.attach(container, plugin, false);
  }

  removed(container: Container): void {
    container.get(APP_METRICS)?.stop();
    for (const { instance } of this.plugins) if (hasLateTargets(instance)) instance.forgetTargets(container.name);
  }

  descriptionChanged(container: Container, previous: ContainerDescription): void {
    const hasRestarted = previous.pid !== undefined && container.description.pid !== previous.pid;
    for (const plugin of this.plugins) this.attach(container, plugin, hasRestarted);
  }

  pluginAdded(plugin: AppPlugin): void {
    this.plugins = [...this.plugins, plugin];
    const { instance } = plugin;
    if (hasLateTargets(instance)) instance.watchTargets((name) => this.targetsChanged(plugin, name));
    for (const container of this.store.all()) this.attach(container, plugin, false);
  }

  pluginRemoved(plugin: AppPlugin): void {
    this.plugins = this.plugins.filter((other) => other !== plugin);
    for (const container of this.store.all()) container.get(APP_METRICS)?.update(plugin, [], false);
  }

  /** Updates the targets of a plugin. @param name of the container; absent: all */
  private targetsChanged(plugin: AppPlugin, name?: string): void {
    if (!this.plugins.includes(plugin)) return;
    const asked = name === undefined ? this.store.all() : [this.store.get(name)];
    for (const container of asked) if (container !== undefined) this.attach(container, plugin, false);
  }

  private attach(container: Container, plugin: AppPlugin, renew: boolean): void {
    if (!this.running) return;
    const asked = appContainer(container.name, container.description);
    const targets = this.supervisor.guard(plugin.record, 'targets', () => plugin.instance.targets(asked));
    // A plugin that is paused or threw keeps its current targets.
    if (targets === undefined) return;
    if (targets.length === 0 && container.get(APP_METRICS) === undefined) return;
    const metrics = container.ensure(APP_METRICS, () => this.metricsOf(container));
    for (const job of metrics.update(plugin, targets, renew)) job.start(Math.random() * INITIAL_SPREAD_MS);
  }

  private metricsOf(container: Container): ContainerMetrics {
    const { name } = container;
    const warn = (message: string) => this.logger.warn(message, { container: name });
    const contextOf = (metrics: ContainerMetrics) => this.contextOf(container, metrics);
    return new ContainerMetrics(name, this.options, this.shares, warn, contextOf);
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
        metrics.updateShares();
        const { series, memory } = this.shares;
        if (!series.isExhausted && !memory.isExhausted) return;
        for (const container of this.store.all()) container.get(APP_METRICS)?.shrink();
      },
      access: ({ trustedHosts = [] }, signal, now) => {
        const container = appContainer(tracked.name, tracked.description);
        return new ContainerAccess(
          container,
          tracked.cgroup,
          this.scopeOf(container, trustedHosts),
          services,
          signal,
          now,
        );
      },
    };
  }

  private scopeOf({ description }: AppContainer, trustedHosts: readonly string[]): NetworkScope {
    const { networkMode, networkOf, namespace, addresses = [] } = description;
    if (networkMode !== 'shared') return { networkMode, addresses, trustedHosts };
    const owner = networkOf === undefined ? undefined : this.store.find(namespace ?? '', networkOf)?.description;
    if (owner === undefined || owner.networkMode === 'shared') return { networkMode, addresses: [], trustedHosts };
    return { networkMode: owner.networkMode, addresses: owner.addresses ?? [], trustedHosts };
  }
}

function hasLateTargets<T extends object>(instance: T): instance is T & LateTargets {
  return 'watchTargets' in instance;
}
