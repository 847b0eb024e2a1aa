import { isDeepStrictEqual } from 'node:util';
import { Token } from '../composition/index.js';
import type { LoadedPlugin, PluginEntry } from '../config/index.js';
import type { DiscoveryRequests } from '../containers/index.js';
import {
  Backoff,
  type Logger,
  messageOf,
  type PluginContext,
  type PluginInstances,
  type PluginKind,
  TallymanError,
} from '../contracts/index.js';
import type { Delivery } from '../delivery/index.js';
import {
  type ActivePlugin,
  type ActivePlugins,
  PluginRecord,
  type Supervisor,
  type Watchdog,
} from '../supervision/index.js';
import { checkFields } from './fields-check.js';
import { IsolatedAppMetrics } from './isolation/isolated-app-metrics.js';
import { loadIsolated } from './isolation/load-isolated.js';
import { loadPlugin, type PluginSources } from './loader.js';
import type { CreateInstanceContainer, InstanceContainer } from './scope.js';
import { withTimeLimit } from './time-limit.js';

const START_ORDER: readonly PluginKind[] = [
  'metric-source',
  'app-metrics',
  'container-handler',
  'api-version',
  'endpoint',
  'sink',
];
/** Time limit for stopping one instance while the agent continues, ms. */
const STOP_LIMIT_MS = 2_000;

interface Slot {
  readonly entry: PluginEntry;
  readonly record: PluginRecord;
  /** Pauses between attempts to start it. */
  readonly pauses: Backoff;
  retry?: NodeJS.Timeout;
  /** Its entry was removed: a start in progress must not be published. */
  dropped?: boolean;
  /** The instance that runs until this one is published. */
  predecessor?: Slot;
  /** Another instance has replaced it. */
  superseded?: boolean;
  container?: InstanceContainer;
  /** Set from creation until stop, whether or not its start succeeded. */
  instance?: Startable;
  active?: ActivePlugin;
  /** Creates the instance; kept so that a retry need not load and validate again. */
  create?: (context: PluginContext) => PluginInstances[PluginKind];
}

interface Startable {
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

export const PLUGIN_HOST = new Token<PluginHost>('plugin host');

export class PluginHost {
  private slots: Slot[] = [];
  private entries: readonly PluginEntry[] = [];
  private stopping = false;

  constructor(
    private readonly createContainer: CreateInstanceContainer,
    private readonly supervisor: Supervisor,
    private readonly logger: Logger,
    private readonly activePlugins: ActivePlugins,
    private readonly discovery: Pick<DiscoveryRequests, 'registrarOf'>,
    private readonly delivery: Pick<Delivery, 'start' | 'finish' | 'suspend'>,
    private readonly watchdog?: Watchdog,
  ) {}

  /**
   * Imports every plugin and checks its options.
   * @throws TallymanError for an entry with `onError: fail` that cannot be loaded
   */
  async load(entries: readonly PluginEntry[], sources: PluginSources): Promise<void> {
    this.entries = entries;
    const slots = entries.map((entry) => this.addSlot(entry));
    await Promise.all(slots.map((slot) => this.loadSlot(slot, sources)));
    this.sort();
    this.watchThirdParty();
  }

  /**
   * Applies other entries: removed ones are stopped, new ones started, changed ones replaced; the others are not
   * affected. A replaced instance runs until its successor has started, so that no request or sample is lost.
   * @throws TallymanError for an entry with `onError: fail` that cannot be loaded or does not start
   */
  async reconfigure(entries: readonly PluginEntry[], sources: PluginSources): Promise<void> {
    this.entries = entries;
    const ended = this.slots.filter(({ record }) => !entries.some(({ id }) => id === record.id));
    for (const slot of ended.reverse()) await this.drop(slot);
    for (const entry of entries) {
      const old = this.slots.find(({ record }) => record.id === entry.id);
      if (!isDeepStrictEqual(old?.entry, entry)) await this.replace(old, entry, sources);
    }
    this.sort();
    this.publish();
  }

  /**
   * Starts all loaded plugins one after the other, in the order of kinds and then of the config.
   * @throws TallymanError for a plugin with `onError: fail` that does not start
   */
  async start(): Promise<void> {
    for (const slot of this.slots) {
      if (slot.create !== undefined && !this.stopping) await this.startSlot(slot);
    }
  }

  /**
   * Flushes and stops the sinks in parallel, up to the time limit. Nothing is started
   * afterwards.
   */
  async stopSinks(limitMs: number): Promise<void> {
    this.stopping = true;
    for (const { retry } of this.slots) clearTimeout(retry);
    await this.stopAll('sink', limitMs);
  }

  /** Stops the sinks, then the others, in reverse order of start. Those that hang share `limitMs`. */
  async stop(limitMs = STOP_LIMIT_MS): Promise<void> {
    const end = performance.now() + limitMs;
    await this.stopSinks(limitMs / 2);
    const kinds = [...START_ORDER].reverse().filter((kind) => this.startedOf(kind).length > 0);
    for (const [index, kind] of kinds.entries()) {
      await this.stopAll(kind, Math.max(0, end - performance.now()) / (kinds.length - index));
    }
    this.watchdog?.stop();
  }

  /** Sorts by kind in start order, then by the order of the config. */
  private sort(): void {
    const place = new Map(this.entries.map(({ id }, index) => [id, index]));
    // A plugin that could not be loaded has no kind, and is not started.
    const rank = ({ record }: Slot) => START_ORDER.indexOf(record.kind!) * place.size + (place.get(record.id) ?? 0);
    this.slots.sort((a, b) => rank(a) - rank(b));
  }

  /** @param isReplaced whether another instance follows, for which a sink's queue is kept */
  private async drop(slot: Slot, isReplaced = false): Promise<void> {
    slot.dropped = true;
    clearTimeout(slot.retry);
    this.slots = this.slots.filter((other) => other !== slot);
    await this.stopSlot(slot, STOP_LIMIT_MS, isReplaced);
    this.supervisor.remove(slot.record);
    this.watchThirdParty();
  }

  /** Third-party plugins may block the agent, unless they are isolated. */
  private watchThirdParty(): void {
    const thirdParty = this.slots.filter(({ entry, record }) => !entry.isolate && record.isTimedAlways);
    this.watchdog?.watch(new Map(thirdParty.map(({ record }) => [record.number, record.id])));
  }

  /** Loads and starts a new entry in place of an old one, if there is one. */
  private async replace(old: Slot | undefined, entry: PluginEntry, sources: PluginSources): Promise<void> {
    // Two instances of a sink would send twice.
    const overlaps = old?.active !== undefined && old.record.kind !== 'sink';
    if (old !== undefined && !overlaps) await this.drop(old, true);
    const slot = this.addSlot(entry);
    if (overlaps) slot.predecessor = old;
    try {
      await this.loadSlot(slot, sources);
      this.sort();
      this.watchThirdParty();
      if (slot.create !== undefined) await this.startSlot(slot);
    } catch (error) {
      await this.drop(slot);
      if (overlaps) this.supervisor.add(old.record);
      throw error;
    }
    if (overlaps) await this.drop(old);
  }

  private addSlot(entry: PluginEntry): Slot {
    const record = new PluginRecord(entry.id, entry.use, entry.use, entry.onError);
    this.supervisor.add(record);
    const slot: Slot = { entry, record, pauses: new Backoff() };
    this.slots.push(slot);
    return slot;
  }

  private async loadSlot(slot: Slot, sources: PluginSources): Promise<void> {
    const { entry, record } = slot;
    try {
      const loadAgain = () => this.supervisor.runAs(record, () => loadEntry(entry, sources));
      const { plugin, module } = await (sources.modules?.get(record.id) ?? loadAgain());
      record.kind = plugin.kind;
      record.name = plugin.name;
      // The module of a built-in is its name, that of others a URL.
      record.version = plugin.version ?? (module === entry.use ? sources.builtinVersion : undefined) ?? '';
      record.loadedFrom(module);
      const options = plugin.configSchema.safeParse(entry.with);
      if (!options.success) throw new TallymanError(`options of plugin "${entry.use}": ${options.error.message}`);
      slot.create = (context) => {
        const instance = plugin.create(context, options.data);
        if (plugin.kind === 'metric-source')
          checkFields(record.id, (instance as PluginInstances['metric-source']).fields);
        if (instance instanceof IsolatedAppMetrics) this.isolated(record, instance);
        return instance;
      };
    } catch (error) {
      this.supervisor.fault(record, 'load', error);
      record.state = 'failed';
      if (entry.onError === 'fail') throw error;
    }
  }

  private isolated(record: PluginRecord, instance: IsolatedAppMetrics): void {
    record.isolation = () => instance.status();
    const fault = (what: string, error: Error) => this.supervisor.fault(record, what, error);
    instance.report(fault, (isRunning) => {
      record.state = isRunning ? 'running' : 'retrying';
      if (isRunning) this.logger.info(`plugin ${record.id} runs again`);
    });
  }

  private startedOf(kind: PluginKind): Slot[] {
    return this.slots.filter(({ instance, record }) => instance !== undefined && record.kind === kind);
  }

  private async stopAll(kind: PluginKind, limitMs: number): Promise<void> {
    const slots = this.startedOf(kind).toReversed();
    await Promise.all(slots.map((slot) => this.stopSlot(slot, limitMs)));
  }

  private async startSlot(slot: Slot): Promise<void> {
    const { record } = slot;
    record.state = 'starting';
    const container = this.createContainer(record);
    slot.container = container;
    try {
      const instance = this.supervisor.call(record, 'create', () => slot.create!(container.context));
      slot.instance = instance as Startable;
      await this.supervisor.attempt(record, 'start', () => this.begin(slot, instance));
      // Unless it was stopped meanwhile.
      if (slot.container === container) this.activate(slot, container, instance);
    } catch (error) {
      await this.stopSlot(slot);
      this.startFailed(slot, error);
    }
  }

  private activate(slot: Slot, { context }: InstanceContainer, instance: PluginInstances[PluginKind]): void {
    const { record, predecessor } = slot;
    slot.active = { record, kind: record.kind!, instance };
    record.state = 'running';
    // In one turn, so that observers see exactly one instance.
    if (predecessor !== undefined) predecessor.superseded = true;
    this.publish();
    if (record.kind === 'sink') this.delivery.start(record, instance as PluginInstances['sink'], context.logger);
  }

  private publish(): void {
    this.activePlugins.publish(
      this.slots.flatMap(({ active, superseded, dropped }) =>
        active === undefined || superseded === true || dropped === true ? [] : [active],
      ),
    );
  }

  private async begin(slot: Slot, instance: PluginInstances[PluginKind]): Promise<void> {
    const { record, entry } = slot;
    const { id } = record;
    const started =
      record.kind === 'container-handler'
        ? (instance as PluginInstances['container-handler']).start?.(this.discovery.registrarOf(id))
        : (instance as Startable).start?.();
    const limit = entry.startTimeout;
    const late = () =>
      new TallymanError(`plugin ${id} did not start within ${limit} ms`, {
        hint: `raise startTimeout of this plugin, or find out what its start waits for`,
      });
    // A start that finishes after `stop` may have opened resources again.
    const stopAgain = () =>
      slot.instance === instance ? undefined : this.end(record, instance as Startable, STOP_LIMIT_MS);
    void Promise.resolve(started).then(stopAgain, () => {});
    await withTimeLimit(started, limit, late);
  }

  private startFailed(slot: Slot, error: unknown): void {
    const { record } = slot;
    record.state = 'failed';
    if (record.onError === 'fail') throw error;
    if (record.onError === 'probe')
      this.logger.debug(`plugin ${record.id} does not fit this host: ${messageOf(error)}`);
    if (record.onError === 'ignore') this.logger.warn(`the agent goes on without plugin ${record.id}`);
    if (record.onError !== 'retry' || this.stopping || slot.dropped === true) return;
    record.state = 'retrying';
    slot.retry = setTimeout(() => void this.startSlot(slot), slot.pauses.next());
  }

  private async stopSlot(slot: Slot, limitMs = STOP_LIMIT_MS, isReplaced = false): Promise<void> {
    const { active, container, instance, record } = slot;
    const end = performance.now() + limitMs;
    if (record.kind === 'sink') {
      if (isReplaced) await this.delivery.suspend(record);
      else await this.delivery.finish(record, limitMs, this.logger);
    }
    if (container === undefined) return;
    delete slot.active;
    delete slot.container;
    delete slot.instance;
    if (active !== undefined) this.publish();
    // A start that hangs may react to the signal.
    if (active === undefined) container.scope.dispose();
    if (instance !== undefined) await this.end(record, instance, Math.max(0, end - performance.now()));
    record.state = 'stopped';
    await container.dispose();
  }

  private async end(record: PluginRecord, instance: Startable, limitMs: number): Promise<void> {
    const late = () => new TallymanError(`plugin ${record.id} did not stop within ${Math.round(limitMs)} ms`);
    await this.supervisor
      .attempt(record, 'stop', () => withTimeLimit(instance.stop?.(), limitMs, late))
      .catch(() => {});
  }
}

/** Loads the plugin of an entry, in the agent or in its own process. @throws TallymanError */
export function loadEntry(entry: PluginEntry, sources: PluginSources): Promise<LoadedPlugin> {
  return entry.isolate ? loadIsolated(entry, sources) : loadPlugin(entry, sources);
}
