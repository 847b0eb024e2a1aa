import type { BudgetReduction, BudgetResource, BudgetStatus, Clock, Finding, Logger } from '../contracts/index.js';
import type { Housekeeper, MonitoredContainer } from '../housekeeping/index.js';
import type { DescriptorBudget } from '../linux/index.js';
import type { ActivePlugin, ActivePlugins, Pace, PluginRecord, Supervisor } from '../supervision/index.js';
import { Control } from './control.js';
import { Rate, Rates } from './costs.js';
import type { OwnCgroup } from './own-cgroup.js';
import { QueryReduction } from './queries.js';
import { HistoryReduction, IntervalReduction, PaceReduction, SetReduction } from './reductions.js';
import { budgetFindings, formatUse, ReductionLog, type Reductions } from './status.js';

export interface BudgetOptions {
  /** 1 is one CPU. */
  readonly cpu?: number | undefined;
  /** Bytes. */
  readonly memory?: number | undefined;
  readonly descriptors?: number | undefined;
  readonly cgroupLimits: boolean;
}

/** What the process uses; replaced by tests. */
export interface ProcessUse {
  /** CPU time of the process in total, ms. */
  readonly cpuMs: () => number;
  /** Resident memory, bytes. */
  readonly memory: () => number;
  readonly cgroup: () => OwnCgroup;
}

export interface BudgetParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly process: ProcessUse;
  readonly housekeeper: Housekeeper;
  readonly supervisor: Pick<Supervisor, 'all'>;
  readonly plugins: Pick<ActivePlugins, 'of'>;
  readonly descriptors: DescriptorBudget;
  /** Called when the findings differ from before. */
  readonly onChange: () => void;
}

const CHECK_INTERVAL_MS = 5_000;
/** Starting takes time; for this long CPU time is not judged. */
const START_MS = 30_000;
/** Parts of the limits of the cgroup that are used: the rest is for what the kernel counts and other processes. */
const CGROUP_SHARE = { cpu: 0.9, memory: 0.85 };
/** Share of time spent waiting above which the agent counts as pressed. */
const PRESSED = { cpu: 0.2, memory: 0.1 };
/** How long a container counts as watched after a client asked for it, ms. */
const WATCHED_MS = 300_000;
const CPU_TIMES = { settleMs: 45_000, holdMs: 120_000 };
const MEMORY_TIMES = { settleMs: 30_000, holdMs: 300_000 };
const LARGEST = 3;
const BYTES_PER_NUMBER = 8;

type Source = ActivePlugin<'metric-source'>;

/** Keeps what the agent uses within its budget, by doing less before it uses more. */
export class BudgetKeeper {
  readonly queries: QueryReduction;
  private readonly cpuRate = new Rate();
  private readonly containerCosts = new Rates<MonitoredContainer>();
  private readonly pluginCosts = new Rates<string>();
  private readonly requestedAt = new WeakMap<MonitoredContainer, number>();
  private readonly intervals: IntervalReduction<MonitoredContainer>;
  private readonly sinks: PaceReduction;
  private readonly handlers: PaceReduction;
  private readonly cpuSets: SetReduction;
  private readonly memorySets: SetReduction;
  private readonly history: HistoryReduction;
  private readonly cpu: Control;
  private readonly memory: Control;
  private readonly log: ReductionLog;
  private resources: BudgetStatus['resources'] = [];
  /** CPU time per time that counts as spent in a call, as waiting for a CPU counts too. */
  private cpuShareOfCalls = 1;
  private startedAt = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private options: BudgetOptions,
    private readonly parts: BudgetParts,
  ) {
    const { clock, housekeeper } = parts;
    this.log = new ReductionLog(clock, parts.logger);
    this.intervals = new IntervalReduction({
      all: () => housekeeper.monitored(),
      costOf: (container) => this.containerCosts.of(container) * this.cpuShareOfCalls,
      scaleCost: (container, factor) => this.containerCosts.scale(container, factor),
      isWatched: (container) => this.isWatched(container),
      intervalOf: (stretch) => housekeeper.intervalOf(stretch),
      stretchNew: (stretch) => {
        housekeeper.initialStretch = stretch;
      },
    });
    this.sinks = this.paceReduction(({ pace }) => pace);
    this.handlers = this.paceReduction(({ kind, timerPace }) => (kind === 'container-handler' ? timerPace : undefined));
    this.cpuSets = this.setReduction('cpu', ({ record }) => this.pluginCosts.of(record.id) * this.cpuShareOfCalls);
    this.memorySets = this.setReduction('memory', (source) => this.historyBytesOf(source));
    this.history = new HistoryReduction({
      get bytes() {
        return housekeeper.historyBytes;
      },
      keep: (share) => housekeeper.keepHistory(share),
    });
    this.queries = new QueryReduction(() => clock.monotonic());
    const { sinks, handlers, cpuSets } = this;
    const dominant = [sinks.dominant, handlers.dominant, cpuSets.dominant];
    this.cpu = new Control(CPU_TIMES, [...dominant, this.intervals, sinks, handlers, cpuSets, this.queries]);
    this.memory = new Control(MEMORY_TIMES, [this.history, this.memorySets]);
  }

  start(): void {
    this.startedAt = this.parts.clock.monotonic();
    this.capDescriptors();
    this.check();
    this.timer = setInterval(() => this.check(), CHECK_INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  reconfigure(options: BudgetOptions): void {
    this.options = options;
    this.capDescriptors();
    this.check();
  }

  /** Measures, and does less or more. Called every five seconds. */
  check(): void {
    const now = this.parts.clock.monotonic();
    const own: OwnCgroup = this.options.cgroupLimits ? this.parts.process.cgroup() : { pressure: {} };
    this.measure(now);
    const limits = {
      cpu: lower(this.options.cpu, own.cpu && own.cpu * CGROUP_SHARE.cpu),
      memory: lower(this.options.memory, own.memory && own.memory * CGROUP_SHARE.memory),
    };
    const memory = Math.max(this.parts.process.memory(), own.memoryUsed ?? 0);
    const cpu = this.cpuRate.perSecond;
    const isStarting = now - this.startedAt < START_MS;
    if (isStarting) this.cpuRate.restart();
    if (!isStarting || limits.cpu === undefined) {
      const isPressed = own.cpu !== undefined && (own.pressure.cpu ?? 0) > PRESSED.cpu;
      // What was used before a change says nothing about the time after it.
      if (this.cpu.check(now, { used: cpu, limit: limits.cpu && limits.cpu * 1000, isPressed })) this.cpuRate.restart();
    }
    const isPressed = own.memory !== undefined && (own.pressure.memory ?? 0) > PRESSED.memory;
    this.memory.check(now, { used: memory, limit: limits.memory, isPressed });
    this.resources = this.use(cpu / 1000, memory, limits);
    if (this.log.update(this.reductions())) this.parts.onChange();
  }

  status(): BudgetStatus {
    return {
      resources: this.resources,
      reductions: this.log.reductions,
      refusedQueries: this.queries.refused,
      changes: this.cpu.changes + this.memory.changes,
      largest: this.largest(),
    };
  }

  findings(): readonly Finding[] {
    return budgetFindings(this.status());
  }

  private measure(now: number): void {
    const { housekeeper, supervisor, process } = this.parts;
    this.cpuRate.update(process.cpuMs(), now);
    this.pluginCosts.update(
      supervisor.all().map(({ id, busyMs }) => [id, busyMs] as const),
      now,
    );
    this.queries.refresh();
    for (const each of [this.cpuSets, this.memorySets]) each.refresh();
    for (const container of housekeeper.monitored()) {
      if (container.isRequested || container.watchedUntil > now) this.requestedAt.set(container, now);
      container.isRequested = false;
    }
    const isCpuLimited = this.options.cpu !== undefined || this.resources.some(({ resource }) => resource === 'cpu');
    if (isCpuLimited) this.containerCosts.update(costs(housekeeper.monitored()), now);
    this.cpuShareOfCalls = Math.min(1, this.cpuRate.perSecond / Math.max(this.containerCosts.sum, 1e-9));
    this.intervals.refresh();
  }

  private capDescriptors(): void {
    this.parts.descriptors.cap(this.options.descriptors);
  }

  private use(
    cpu: number,
    memory: number,
    limits: { readonly cpu: number | undefined; readonly memory: number | undefined },
  ): BudgetStatus['resources'] {
    const { kept, limit } = this.parts.descriptors.use();
    const resources = [
      { resource: 'cpu' as const, used: cpu, limit: limits.cpu, isExceeded: this.cpu.isExhausted },
      { resource: 'memory' as const, used: memory, limit: limits.memory, isExceeded: this.memory.isExhausted },
      {
        resource: 'descriptors' as const,
        used: kept,
        limit: this.options.descriptors === undefined ? undefined : limit,
        isExceeded: false,
      },
    ];
    return resources.flatMap((each) => (each.limit === undefined ? [] : [{ ...each, limit: each.limit }]));
  }

  private reductions(): Reductions {
    const { intervals, sinks, handlers, cpuSets, memorySets, history, queries } = this;
    const { descriptors, housekeeper } = this.parts;
    const active = new Map<BudgetReduction['kind'], Omit<BudgetReduction, 'kind' | 'since'>>();
    const add = (kind: BudgetReduction['kind'], resource: BudgetResource, amount: number, text: string) => {
      if (amount > 0) active.set(kind, { resource, text, amount });
    };
    const less = (intervalMs: number) => `less often, down to every ${intervalMs / 1000} s`;
    const { containers, intervalMs } = intervals.state;
    const sampled = `${containers} of ${housekeeper.size} containers are sampled ${less(intervalMs)}`;
    add('intervals', 'cpu', containers, sampled);
    const { ids: sending, ...sends } = sinks.state;
    add('sinks', 'cpu', sending.length, `${sending.join(', ')}: samples are sent ${less(sends.intervalMs)}`);
    const { ids: asking, ...asks } = handlers.state;
    add('handlers', 'cpu', asking.length, `${asking.join(', ')}: changes are looked for ${less(asks.intervalMs)}`);
    const sets = [...cpuSets.state, ...memorySets.state];
    const text = `the metrics of ${sets.join(', ')} are left out`;
    add('sets', cpuSets.isActive ? 'cpu' : 'memory', sets.length, text);
    const shortened = `the history is 1/${Math.round(1 / history.share)} of what is configured`;
    add('history', 'memory', 1 - history.share, shortened);
    const { allowance = 0 } = queries;
    const allowed = `expensive requests get ${Math.round(allowance)} ms of CPU time per second, others get 503`;
    add('queries', 'cpu', allowance / 1000, allowed);
    const reopened = descriptors.isCapped ? descriptors.reopened : 0;
    add('descriptors', 'descriptors', reopened, 'cgroup files are opened anew for each read');
    return active;
  }

  private isWatched(container: MonitoredContainer): boolean {
    const at = this.requestedAt.get(container);
    return at !== undefined && this.parts.clock.monotonic() - at < WATCHED_MS;
  }

  /** @param paceOf the pace of those plugins that the reduction is for */
  private paceReduction(paceOf: (record: PluginRecord) => Pace | undefined): PaceReduction {
    return new PaceReduction({
      all: () =>
        this.parts.supervisor.all().flatMap((record) => {
          const pace = paceOf(record);
          return pace === undefined ? [] : [{ id: record.id, pace }];
        }),
      costOf: (id) => this.pluginCosts.of(id) * this.cpuShareOfCalls,
      scaleCost: (id, factor) => this.pluginCosts.scale(id, factor),
    });
  }

  private setReduction(resource: BudgetResource, cost: (source: Source) => number): SetReduction {
    const { housekeeper, plugins } = this.parts;
    const find = (id: string) => plugins.of('metric-source').find(({ record }) => record.id === id);
    return new SetReduction({
      sampled: () => {
        const suspended = [...this.cpuSets.state, ...this.memorySets.state];
        return plugins
          .of('metric-source')
          .filter((source) => isOptional(source) && !suspended.includes(source.record.id))
          .map((source) => ({ id: source.record.id, cost: cost(source) }));
      },
      suspend: (id) => housekeeper.suspend(find(id)!, `left out to keep within the ${resource} budget`),
      resume: (id) => housekeeper.resume(id),
      exists: (id) => find(id) !== undefined,
    });
  }

  private historyBytesOf(source: Source): number {
    let numbers = 0;
    for (const { slots, ring } of this.parts.housekeeper.monitored()) {
      const slot = slots.find((each) => each.source === source);
      if (slot !== undefined) numbers += slot.columns.length * ring.length;
    }
    return numbers * BYTES_PER_NUMBER;
  }

  /** The plugins that take the most CPU time, in words. */
  private largest(): string[] {
    return this.parts.supervisor
      .all()
      .map(({ id }) => ({ id, ms: this.pluginCosts.of(id) }))
      .filter(({ ms }) => ms >= 1)
      .sort((a, b) => b.ms - a.ms)
      .slice(0, LARGEST)
      .map(({ id, ms }) => `${id} (${formatUse('cpu', ms / 1000)})`);
  }
}

/** CPU and memory are what everybody expects; the rest may be left out. */
function isOptional({ instance }: Source): boolean {
  return instance.part !== 'cpu' && instance.part !== 'memory';
}

function* costs(containers: Iterable<MonitoredContainer>): Iterable<readonly [MonitoredContainer, number]> {
  for (const container of containers) yield [container, container.busyMs];
}

function lower(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
