import type { ContainerView, Layout, Limit, SampleCursor } from '../../../../kernel/contracts/index.js';
import { LEAST_INTERVAL, type Limits, QUANTITIES, type Quantity, type Reading, SPAN } from '../shared/reading.js';

/** From here on a limit of cgroup v1 means none (the kernel says 2^63 less a page). */
const NO_LIMIT = 2n ** 62n;

const FIELDS: Readonly<Record<Quantity, string>> = {
  cpu: 'cpu.usage.total',
  periods: 'cpu.cfs.periods',
  throttledPeriods: 'cpu.cfs.throttled_periods',
  memoryUsage: 'memory.usage',
  workingSet: 'memory.working_set',
  received: 'network.rx_bytes',
  sent: 'network.tx_bytes',
  read: 'diskio.io_service_bytes',
  written: 'diskio.io_service_bytes',
  cpuPressure: 'pressure.cpu.some.avg10',
  memoryPressure: 'pressure.memory.some.avg10',
  ioPressure: 'pressure.io.some.avg10',
};
const OPERATIONS: Partial<Record<Quantity, string>> = { read: 'Read', written: 'Write' };

type Columns = Readonly<Record<Quantity, readonly number[]>>;
const columnsByLayout = new WeakMap<Layout, Columns>();

/** The container's readings of the last `SPAN`, or the newest `count`, oldest first. */
export function readingsOf(container: ContainerView, count = SPAN / LEAST_INTERVAL + 1): Reading[] {
  const window = container.samples({ count });
  const cursor = {} as SampleCursor;
  return Array.from({ length: window.length }, (_, index) => readingAt(window.at(index, cursor)));
}

function readingAt(cursor: SampleCursor): Reading {
  let columns = columnsByLayout.get(cursor.layout);
  if (columns === undefined) {
    columns = columnsOf(cursor.layout);
    columnsByLayout.set(cursor.layout, columns);
  }
  const reading = { time: cursor.time / 1000 } as Record<Quantity | 'time', number>;
  for (const quantity of QUANTITIES) reading[quantity] = total(cursor, columns[quantity]);
  return reading;
}

function columnsOf(layout: Layout): Columns {
  const entries = QUANTITIES.map((quantity) => {
    const operation = OPERATIONS[quantity];
    const all = layout.indexesOf(FIELDS[quantity]);
    return [quantity, operation === undefined ? all : all.filter((i) => layout.columns[i]!.labels?.[3] === operation)];
  });
  return Object.fromEntries(entries) as Columns;
}

/** @returns NaN without any column */
function total({ values, base }: SampleCursor, columns: readonly number[]): number {
  if (columns.length === 0) return Number.NaN;
  return columns.reduce((sum, column) => sum + values[base + column]!, 0);
}

/** The limits that lines and bars show; of the machine what it has. */
export function limitsOf(container: ContainerView): Limits {
  const { cpu, memory } = container.limits();
  const cores = cpu.quota === undefined || !cpu.period ? undefined : Number(cpu.quota) / Number(cpu.period);
  const bytes = finiteLimit(memory.limit);
  return {
    ...(cores !== undefined && { cores }),
    ...(bytes !== undefined && { memory: Number(bytes) }),
  };
}

/** @returns undefined for no limit, however the kernel says it */
export function finiteLimit(limit: Limit | undefined): bigint | undefined {
  return limit === undefined || limit === 'unlimited' || limit >= NO_LIMIT || limit <= 0n ? undefined : limit;
}
