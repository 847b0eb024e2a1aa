import type { ContainerView, SampleCursor } from '../../../../kernel/contracts/index.js';
import { coresLimit, memoryLimit, totalsOf } from '../../common/index.js';
import { LEAST_INTERVAL, type Limits, QUANTITIES, type Quantity, type Reading, SPAN } from '../shared/reading.js';

const totals = totalsOf<Quantity>({
  cpu: { field: 'cpu.usage.total' },
  periods: { field: 'cpu.cfs.periods' },
  throttledPeriods: { field: 'cpu.cfs.throttled_periods' },
  memoryUsage: { field: 'memory.usage' },
  workingSet: { field: 'memory.working_set' },
  received: { field: 'network.rx_bytes' },
  sent: { field: 'network.tx_bytes' },
  read: { field: 'diskio.io_service_bytes', operation: 'Read' },
  written: { field: 'diskio.io_service_bytes', operation: 'Write' },
  cpuPressure: { field: 'pressure.cpu.some.avg10' },
  memoryPressure: { field: 'pressure.memory.some.avg10' },
  ioPressure: { field: 'pressure.io.some.avg10' },
});

/** The container's readings of the last `SPAN`, or the newest `count`, oldest first. */
export function readingsOf(container: ContainerView, count = SPAN / LEAST_INTERVAL + 1): Reading[] {
  const window = container.samples({ count });
  const cursor = {} as SampleCursor;
  return Array.from({ length: window.length }, (_, index) => readingAt(window.at(index, cursor)));
}

function readingAt(cursor: SampleCursor): Reading {
  const reading = { time: cursor.time / 1000 } as Record<Quantity | 'time', number>;
  for (const quantity of QUANTITIES) reading[quantity] = totals.of(cursor, quantity);
  return reading;
}

/** The limits that lines and bars show; of the machine what it has. */
export function limitsOf(container: ContainerView): Limits {
  const limits = container.limits();
  const cores = coresLimit(limits);
  const memory = memoryLimit(limits);
  return { ...(cores !== undefined && { cores }), ...(memory !== undefined && { memory }) };
}
