import {
  type CgroupFiles,
  type Column,
  definePlugin,
  PLUGIN_API_VERSION,
  type Probe,
  type ProbeTarget,
  type RowWriter,
} from '../../../kernel/contracts/index.js';
import {
  ActiveProbe,
  counter,
  FreshRead,
  KeyedColumns,
  KeyedPart,
  type Part,
  type PartOutcome,
  PartsLayouts,
  PartsProbe,
  StandingPart,
  ValuePart,
  withoutController,
} from '../common/index.js';

export const fields = {
  total: counter('cpu.usage.total', 'nanoseconds', {
    help: 'CPU time consumed by the container and everything below it, on all CPUs together.',
    source: { v1: 'cpuacct.usage', v2: 'cpu.stat: usage_usec × 1000' },
    role: 'cpu-time',
  }),
  user: counter('cpu.usage.user', 'nanoseconds', {
    help: 'CPU time spent in user mode. On cgroup v1 the kernel counts it in ticks of 10 ms, so user and system do not add up to the total.',
    source: { v1: 'cpuacct.stat: user × 10 ms', v2: 'cpu.stat: user_usec × 1000' },
  }),
  system: counter('cpu.usage.system', 'nanoseconds', {
    help: 'CPU time spent in the kernel on behalf of the container. On cgroup v1 in ticks of 10 ms.',
    source: { v1: 'cpuacct.stat: system × 10 ms', v2: 'cpu.stat: system_usec × 1000' },
  }),
  periods: counter('cpu.cfs.periods', 'count', {
    help: 'Enforcement periods of the CPU quota in which the container wanted to run; 0 without a quota.',
    source: { v1: 'cpu.stat: nr_periods', v2: 'cpu.stat: nr_periods' },
  }),
  throttledPeriods: counter('cpu.cfs.throttled_periods', 'count', {
    help: 'Periods in which the container used up its CPU quota and was held back.',
    source: { v1: 'cpu.stat: nr_throttled', v2: 'cpu.stat: nr_throttled' },
  }),
  throttledTime: counter('cpu.cfs.throttled_time', 'nanoseconds', {
    help: 'Time for which the container was held back by its CPU quota, summed over CPUs.',
    source: { v1: 'cpu.stat: throttled_time', v2: 'cpu.stat: throttled_usec × 1000' },
  }),
  burstsPeriods: counter('cpu.cfs.bursts_periods', 'count', {
    help: 'Periods in which the container ran on quota saved up earlier (cpu.max.burst, cpu.cfs_burst_us).',
    source: { v1: 'cpu.stat: nr_bursts', v2: 'cpu.stat: nr_bursts' },
  }),
  burstTime: counter('cpu.cfs.burst_time', 'nanoseconds', {
    help: 'CPU time consumed beyond the quota of the period, out of quota saved up earlier.',
    source: { v1: 'cpu.stat: burst_time', v2: 'cpu.stat: burst_usec × 1000' },
  }),
};

const TOTAL: readonly [Column] = [{ field: fields.total }];
const BURST = 'Linux 5.14';
/** `cpuacct.stat` counts in USER_HZ, which is 100 on everything Node runs on. */
const TICK = 10_000_000;
const MICROSECOND = 1000;

const TICKS = new KeyedColumns([
  { key: 'user', column: { field: fields.user }, factor: TICK },
  { key: 'system', column: { field: fields.system }, factor: TICK },
]);

const THROTTLING_V1 = new KeyedColumns([
  { key: 'nr_periods', column: { field: fields.periods } },
  { key: 'nr_throttled', column: { field: fields.throttledPeriods } },
  { key: 'throttled_time', column: { field: fields.throttledTime } },
  { key: 'nr_bursts', column: { field: fields.burstsPeriods }, since: BURST },
  { key: 'burst_time', column: { field: fields.burstTime }, since: BURST },
]);

const PERIODS_V1 = THROTTLING_V1.keys.indexOf('nr_periods');

const USAGE_V2 = new KeyedColumns([
  { key: 'usage_usec', column: { field: fields.total }, factor: MICROSECOND },
  { key: 'user_usec', column: { field: fields.user }, factor: MICROSECOND },
  { key: 'system_usec', column: { field: fields.system }, factor: MICROSECOND },
  { key: 'nr_periods', column: { field: fields.periods } },
  { key: 'nr_throttled', column: { field: fields.throttledPeriods } },
  { key: 'throttled_usec', column: { field: fields.throttledTime }, factor: MICROSECOND },
  { key: 'nr_bursts', column: { field: fields.burstsPeriods }, since: BURST },
  { key: 'burst_usec', column: { field: fields.burstTime }, factor: MICROSECOND, since: BURST },
]);

const PERIODS_V2 = USAGE_V2.keys.indexOf('nr_periods');

/** By kind of file; the only one of v2 is `usage`. */
type FreshReads = Readonly<Record<'usage' | 'ticks' | 'throttling', FreshRead>>;

/** Three files on v1, each in a hierarchy of its own or not there at all: a container may have some of them only. */
function attachV1(cgroup: CgroupFiles, fresh: FreshReads, layouts: PartsLayouts): Probe | undefined {
  const file = cgroup.value('cpuacct', 'cpuacct.usage');
  const usage = file && new ValuePart(TOTAL, file, fresh.usage);
  const ticks = KeyedPart.open(cgroup, 'cpuacct', 'cpuacct.stat', TICKS, fresh.ticks);
  const throttling = KeyedPart.open(cgroup, 'cpu', 'cpu.stat', THROTTLING_V1, fresh.throttling);
  const userAndSystem = usage && ticks ? new TicksPart(ticks, usage) : ticks;
  const parts = [usage, userAndSystem, throttling && new ThrottlingPart(throttling, cgroup)].filter(
    (part) => part !== undefined,
  );
  if (parts.length === 0) return undefined;
  const options = {
    skipWhenIdle: true,
    standsWhenIdle: true,
    layouts,
    ...(throttling && { missing: throttling.missing }),
  };
  return file ? new ActiveProbe(parts, file, fresh.usage, 'cpu-time', options) : new PartsProbe(parts, options);
}

/** Counted in ticks, so that reading them again would tell nothing new before the total has grown by one. */
class TicksPart implements Part {
  /** The total at the last read; NaN: unknown. */
  private totalWhenRead = Number.NaN;

  constructor(
    private readonly part: KeyedPart,
    private readonly total: ValuePart,
  ) {}

  get columns(): readonly Column[] {
    return this.part.columns;
  }

  /** The total was sampled before. */
  sample(row: RowWriter, base: number): PartOutcome {
    const total = this.total.current;
    if (row.mayRepeat && total - this.totalWhenRead < TICK) {
      row.repeat(base, this.columns.length);
      return 'ok';
    }
    const outcome = this.part.sample(row, base);
    this.totalWhenRead = this.part.good ? total : Number.NaN;
    return outcome;
  }

  close(): void {
    this.part.close();
  }
}

/** The kernel counts no periods where there is no quota. */
class ThrottlingPart extends StandingPart<KeyedPart> {
  protected override hasNotMoved(): boolean {
    return this.part.good && this.part.file.values[PERIODS_V1] === 0;
  }

  protected override cannotMove(cgroup: CgroupFiles): boolean {
    return cgroup.text('cpu', 'cpu.cfs_quota_us') === '-1';
  }
}

/** Periods of a quota can be counted while no time is used; the file was read anyway. */
class UsageProbe extends PartsProbe {
  readonly activityKind = 'cpu-time';

  constructor(
    private readonly part: KeyedPart,
    private readonly fresh: FreshRead,
  ) {
    const limited = part.columns.some((column) => column.field === fields.periods);
    super([part], { skipWhenIdle: true, standsWhenIdle: true, ...(limited && { missing: part.missing }) });
  }

  activity(): number {
    const { file } = this.part;
    return this.fresh.read(file) ? file.values[0]! + (file.values[PERIODS_V2]! || 0) : Number.NaN;
  }
}

/** One file on v2. The root and cgroups without the cpu controller have no throttling lines, which is normal. */
function attachV2(target: ProbeTarget, { usage: fresh }: FreshReads): Probe | undefined {
  const file = target.cgroup.keyed('cpu', 'cpu.stat', USAGE_V2.keys);
  if (file === undefined) return undefined;
  return new UsageProbe(new KeyedPart(file, USAGE_V2, fresh), fresh);
}

export default definePlugin({
  kind: 'metric-source',
  name: 'cpu',
  apiVersion: PLUGIN_API_VERSION,
  description: 'CPU time of each container: total, user, system, and what its quota held back.',
  create({ clock }) {
    const fresh: FreshReads = {
      usage: new FreshRead(clock),
      ticks: new FreshRead(clock),
      throttling: new FreshRead(clock),
    };
    const layouts = new PartsLayouts();
    return {
      fields: Object.values(fields),
      part: 'cpu',
      attach(target) {
        const probe = target.cgroup.version === 1 ? attachV1(target.cgroup, fresh, layouts) : attachV2(target, fresh);
        return probe ?? withoutController(target, 'cpu');
      },
    };
  },
});
