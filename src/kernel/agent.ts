import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type DependencyContainer, container as rootContainer } from 'tsyringe';
import { type AgentChange, type AgentOptions, type Found, housekeepingOf } from './agent-options.js';
import { AppMetricsKeeper } from './app-metrics/index.js';
import { type AgentConfig, assertTrusted } from './config/index.js';
import {
  ContainerLimits,
  ContainerStore,
  DiscoveryRequests,
  departedContainers,
  KnownCgroups,
  whenHandlersAnswered,
} from './containers/index.js';
import type { HostPaths, Logger } from './contracts/index.js';
import { Discovery } from './discovery/index.js';
import { Doctor } from './doctor/index.js';
import { EventRecorder, EventStore } from './events/index.js';
import { Housekeeper } from './housekeeping/index.js';
import { createHttpServer, type HttpServer, type Mounts, type SecretPlaces } from './http/index.js';
import {
  type CgroupHierarchies,
  createCgroupFiles,
  createLinuxHost,
  DescriptorBudget,
  DescriptorSentinel,
  detectHierarchies,
  hostFile,
  type RefreshableHost,
  readBootTime,
  resolveHostPaths,
} from './linux/index.js';
import { createClock } from './log/index.js';
import { MachineRefresh, readMachine } from './machine/index.js';
import { operationRoutes } from './operations/index.js';
import { PLUGIN_TOKENS, PluginHost, type PluginSources } from './plugins/index.js';
import { configurationOf } from './reload/index.js';
import { type ActivePlugin, ActivePlugins, isKind, LoopWatch, Supervisor, Watchdog } from './supervision/index.js';
import { LiveView } from './view/index.js';

/** How long readiness waits for engines, ms: more than the time limit of a call to one. */
const ENGINE_PATIENCE = 15_000;
/** How long a stop may take unless its caller says otherwise, ms. */
const STOP_LIMIT = 1_700;

/**
 * The composition root: the only place that knows how the rooms of the kernel are wired. Data goes one way: cgroup tree
 * → registry → housekeeping → history → view → HTTP.
 */
export class Agent {
  private readonly clock = createClock();
  private readonly startedAt = this.clock.now();
  private readonly logger: Logger;
  private readonly budget = DescriptorBudget.fromLimits(readFileSync('/proc/self/limits', 'utf8'));
  /** What looks after the agent itself. */
  private readonly watches: readonly { start(): void; stop(): void }[];
  private readonly hierarchies: CgroupHierarchies;
  private readonly host: RefreshableHost;
  private readonly machineRefresh: MachineRefresh;
  private readonly bootTime: number;
  private readonly container: DependencyContainer = rootContainer.createChildContainer();
  private readonly housekeeper: Housekeeper;
  private readonly appMetrics: AppMetricsKeeper;
  private readonly store: ContainerStore;
  private readonly cgroups: KnownCgroups;
  private readonly limits: ContainerLimits;
  private readonly requests = new DiscoveryRequests();
  private readonly discovery: Discovery;
  private readonly plugins: PluginHost;
  readonly view: LiveView;
  private readonly doctor: Doctor;
  private readonly eventStore: EventStore;
  private readonly events: EventRecorder;
  private http: HttpServer | undefined;
  private ready: Promise<void> = Promise.resolve();
  private awaited: string | undefined = 'the start is not over';
  readonly supervisor: Supervisor;
  private readonly activePlugins = new ActivePlugins();

  private config: AgentConfig;
  private directory: string;

  constructor(private readonly options: AgentOptions) {
    const { config, logs } = options;
    this.config = config;
    this.directory = options.pluginDirectory;
    this.logger = logs.logger('agent');
    this.supervisor = new Supervisor(this.clock, logs.logger('plugins'));
    const paths = resolveHostPaths(config.host);
    this.hierarchies = detectHierarchies(paths);
    this.bootTime = readBootTime(paths);
    this.host = createLinuxHost({
      paths,
      budget: this.budget,
      clock: this.clock,
      readMachine: (at, filesystems) => readMachine(at, filesystems, this.config.machine),
    });
    this.machineRefresh = new MachineRefresh(() => this.host.refresh(), this.logger);
    this.housekeeper = new Housekeeper(
      housekeepingOf(config),
      this.clock,
      logs.logger('housekeeping'),
      this.supervisor,
      this.requests,
      () => this.budget.refusals,
    );
    this.store = new ContainerStore(logs.logger('containers'));
    this.cgroups = new KnownCgroups(this.hierarchies, this.clock);
    this.limits = new ContainerLimits(this.host, this.bootTime, this.clock);
    this.eventStore = new EventStore((type) => this.config.events[type]);
    this.events = this.createEventRecorder(paths);
    this.appMetrics = this.createAppMetrics(paths.proc);
    this.view = this.createView();
    this.plugins = this.createPluginHost();
    this.discovery = this.createDiscovery(paths.proc);
    this.requests.handleBy(this.discovery);
    this.requests.onFindingsChanged(() => void this.doctor.examine());
    this.housekeeper.onOomKills((container, count) => this.events.counted(container, count));
    for (const observer of [this.housekeeper, this.appMetrics, this.events]) this.store.observe(observer);
    this.doctor = this.createDoctor(paths);
    const loop = new LoopWatch(this.supervisor, this.logger);
    this.watches = [this.doctor, new DescriptorSentinel(this.budget), loop];
  }

  /**
   * Loads the plugins, finds the containers, begins to sample and to answer.
   * @throws TallymanError when an address cannot be listened on, or a plugin with `onError: fail` fails
   */
  async start(): Promise<Found> {
    const { config } = this;
    for (const { what, reason, severity } of this.hierarchies.missing) {
      this.logger[severity === 'info' ? 'info' : 'warn'](`${what}: ${reason}`);
    }
    await this.host.refresh();
    await this.plugins.load(config.plugins, this.pluginSources(this.options.modules));
    await this.plugins.start();
    this.events.start();
    this.discovery.start();
    this.housekeeper.start();
    for (const watch of this.watches) watch.start();
    this.appMetrics.start();
    this.ready = this.untilReady();
    this.http = this.createHttp();
    const urls = await this.http.start();
    this.machineRefresh.every(config.machine.refreshInterval);
    return this.found(urls);
  }

  /**
   * Goes over to another configuration: only what differs is touched, and everything counted so far is kept.
   * @returns the URLs
   * @throws TallymanError when an address, a file or a plugin with `onError: fail` cannot be used; apply the previous one
   */
  async apply({ config, directory, modules }: AgentChange): Promise<readonly string[]> {
    const before = this.config;
    const changed = (section: keyof AgentConfig) => !isDeepStrictEqual(before[section], config[section]);
    const moved = directory !== this.directory;
    this.directory = directory;
    // Tokens and certificates may be others although the options are the same.
    this.http?.renewSecrets();
    if (changed('web') || moved) await this.http?.reconfigure(config.web, this.secrets());
    this.config = config;
    if (changed('plugins') || moved) {
      await this.plugins.reconfigure(config.plugins, this.pluginSources(modules));
    }
    if (changed('log')) this.options.logs.change(config.log);
    if (changed('housekeeping') || changed('history')) this.housekeeper.reconfigure(housekeepingOf(config));
    if (changed('history')) this.appMetrics.keepFor(config.history.duration);
    if (changed('events')) this.eventStore.prune();
    if (changed('discovery')) this.discovery.rescanEvery(config.discovery.rescanInterval);
    if (changed('machine')) {
      this.machineRefresh.every(config.machine.refreshInterval);
      await this.machineRefresh.now();
    }
    return this.http?.urls() ?? [];
  }

  /**
   * Finishes open requests while the sinks hand over what they hold, then stops sampling and the other plugins, and closes
   * every file. What hangs is left behind.
   */
  async stop(limitMs = STOP_LIMIT): Promise<void> {
    const end = this.clock.monotonic() + limitMs;
    // The rest is for the plugins that are stopped after them.
    const first = limitMs * 0.7;
    this.machineRefresh.stop();
    await Promise.all([this.plugins.stopSinks(first), this.http?.stop(first)]);
    this.http = undefined;
    for (const watch of this.watches) watch.stop();
    this.housekeeper.stop();
    this.events.stop();
    this.appMetrics.stop();
    this.discovery.stop();
    await this.plugins.stop(Math.max(0, end - this.clock.monotonic()));
    await this.container.dispose();
    this.options.logs.flush();
  }

  /** Resolves when engines have answered, or have had their time, and every container known then has been sampled. */
  whenReady(): Promise<void> {
    return this.ready;
  }

  /** Whether samples were taken as they fell due, since this was last asked. */
  isBeating(): boolean {
    return this.housekeeper.isBeating();
  }

  containerCount(): number {
    return this.view.containers().length;
  }

  private async untilReady(): Promise<void> {
    this.awaited = 'the container engines have not answered yet';
    await whenHandlersAnswered(this.activePlugins, ENGINE_PATIENCE);
    this.awaited = 'the containers found at start have no samples yet';
    await this.discovery.whenAsked();
    await this.housekeeper.whenSampled();
    this.awaited = undefined;
  }

  private found(urls: readonly string[]): Found {
    return {
      urls,
      cgroupVersion: this.hierarchies.version,
      hierarchies: this.hierarchies.mounts.map(({ controllers }) => controllers.join(',')),
      containers: this.containerCount(),
      plugins: this.view.plugins().filter(({ up }) => up).length,
    };
  }

  private createAppMetrics(proc: string): AppMetricsKeeper {
    const { config, logs, version } = this.options;
    const options = { ...config.appMetrics, historyDuration: config.history.duration, proc, version };
    return new AppMetricsKeeper(options, this.clock, logs.logger('app-metrics'), this.supervisor, this.store);
  }

  private createView(): LiveView {
    return new LiveView({
      version: this.options.version,
      host: this.host,
      events: this.eventStore,
      housekeeper: this.housekeeper,
      startedAt: this.startedAt,
      configuration: () => configurationOf(this.options.reloads?.reloads?.(), this.startedAt),
      findings: () => this.doctor.findings(),
      descriptors: () => this.budget.use(),
      log: () => this.options.logs.state(),
      store: this.store,
      cgroups: this.cgroups,
      limits: this.limits,
      plugins: this.activePlugins,
      supervisor: this.supervisor,
    });
  }

  private createDoctor(paths: HostPaths): Doctor {
    return new Doctor({
      paths,
      hierarchies: this.hierarchies,
      ownRoot: '/',
      clock: this.clock,
      logger: this.options.logs.logger('doctor'),
      descriptors: () => this.budget.use(),
      log: () => this.options.logs.state(),
      cgroups: this.cgroups,
      plugins: this.activePlugins,
    });
  }

  private createEventRecorder(paths: HostPaths): EventRecorder {
    return new EventRecorder({
      store: this.eventStore,
      clock: this.clock,
      logger: this.options.logs.logger('events'),
      kernelLog: hostFile(paths, '/dev/kmsg'),
      uptime: () => Number.parseFloat(this.host.procText('uptime') ?? '0'),
      limits: this.limits,
      departed: (name) =>
        departedContainers(this.activePlugins, this.store).find((departed) => departed.name === name)?.description,
    });
  }

  private createPluginHost(): PluginHost {
    const { container, supervisor } = this;
    container.register(PLUGIN_TOKENS.supervisor, { useValue: supervisor });
    container.register(PLUGIN_TOKENS.clock, { useValue: this.clock });
    container.register(PLUGIN_TOKENS.logger, { useValue: (id) => this.options.logs.logger(id) });
    container.register(PLUGIN_TOKENS.linux, { useValue: this.host });
    container.register(PLUGIN_TOKENS.view, { useValue: this.view });
    this.activePlugins.observe({
      activated: (plugin) => this.pluginChanged(plugin, true),
      deactivated: (plugin) => this.pluginChanged(plugin, false),
      reordered: () => this.discovery.handlersChanged(),
    });
    const watchdog = new Watchdog(supervisor.board, this.config.log.format);
    return new PluginHost(container, supervisor, this.logger, this.activePlugins, this.requests, watchdog);
  }

  private pluginChanged(plugin: ActivePlugin, active: boolean): void {
    if (plugin.kind === 'container-handler') this.discovery.handlersChanged();
    if (plugin.kind === 'api-version' || plugin.kind === 'endpoint') this.http?.remount(this.mounts());
    if (isKind(plugin, 'app-metrics')) {
      if (active) this.appMetrics.pluginAdded(plugin);
      else this.appMetrics.pluginRemoved(plugin);
    }
    if (isKind(plugin, 'metric-source')) {
      if (active) this.housekeeper.sourceAdded(plugin, this.activePlugins.of('metric-source'));
      else this.housekeeper.sourceRemoved(plugin);
    }
  }

  private createDiscovery(proc: string): Discovery {
    const { config, logs } = this.options;
    return new Discovery({
      hierarchies: this.hierarchies,
      plugins: this.activePlugins,
      supervisor: this.supervisor,
      store: this.store,
      cgroups: this.cgroups,
      createFiles: (name) => createCgroupFiles(this.hierarchies, name, this.budget),
      clock: this.clock,
      logger: logs.logger('discovery'),
      rescanIntervalMs: config.discovery.rescanInterval,
      countsFile: `${proc}/cgroups`,
    });
  }

  private pluginSources(modules: PluginSources['modules']): PluginSources {
    const { builtins, builtinsModule } = this.options;
    return {
      builtins,
      builtinVersion: this.options.version,
      ...(builtinsModule === undefined ? {} : { builtinsModule }),
      baseDir: this.directory,
      ...(modules === undefined ? {} : { modules }),
      assertTrusted: (path) => assertTrusted(path, 'plugin'),
    };
  }

  private secrets(): SecretPlaces {
    return { directory: this.directory, credentials: process.env.CREDENTIALS_DIRECTORY };
  }

  private createHttp(): HttpServer {
    return createHttpServer({
      web: this.config.web,
      sockets: this.options.sockets ?? [],
      secrets: this.secrets(),
      ...this.mounts(),
      own: operationRoutes({
        unready: () => this.awaited,
        trouble: () => this.housekeeper.trouble(),
        status: () => this.status(),
        examine: () => this.doctor.examine(),
        ...this.options.reloads,
      }),
      guard: (id, what, call) => this.supervisor.callOf(id, what, call),
      logger: this.options.logs.logger('http'),
      accessLogger: this.options.logs.logger('http', true),
    });
  }

  private status() {
    const { options, view, http } = this;
    const plugins = view.plugins().map(({ id, state, lastError }) => ({ id, state, lastError }));
    const containers = view.containers().length;
    return { version: options.version, startedAt: view.self().startedAt, containers, plugins, routes: http?.routes() };
  }

  private mounts(): Mounts {
    const mounted = <K extends 'api-version' | 'endpoint'>(kind: K) =>
      this.activePlugins.of(kind).map(({ record, instance }) => ({ id: record.id, instance }));
    return { apiVersions: mounted('api-version'), endpoints: mounted('endpoint') };
  }
}
