import { MEASURES } from '../../../client/top/columns.js';
import type { ContainerView, SampleCursor, SampleWindow } from '../../../kernel/contracts/index.js';
import { totalsOf } from '../common/index.js';

/** What is measured of one container: its working set is in `memory`, with the page cache in `memory_usage`. */
export const DETAIL_MEASURES = [...MEASURES, 'memory_usage'] as const;
export type DetailMeasure = (typeof DETAIL_MEASURES)[number];

/** Seconds. Two samples that are closer give no rate: the clock was set back between them. */
const SHORTEST_SPAN = 0.01;

const totals = totalsOf({
  cpu: { field: 'cpu.usage.total' },
  periods: { field: 'cpu.cfs.periods' },
  throttledPeriods: { field: 'cpu.cfs.throttled_periods' },
  memory: { field: 'memory.working_set' },
  memory_usage: { field: 'memory.usage' },
  pressure_cpu: { field: 'pressure.cpu.some.avg10' },
  pressure_memory: { field: 'pressure.memory.some.avg10' },
  pressure_io: { field: 'pressure.io.some.avg10' },
  disk_read: { field: 'diskio.io_service_bytes', operation: 'Read' },
  disk_write: { field: 'diskio.io_service_bytes', operation: 'Write' },
  network_receive: { field: 'network.rx_bytes' },
  network_transmit: { field: 'network.tx_bytes' },
});
type Quantity = Parameters<typeof totals.of>[1];

/** Takes the measures of containers out of their samples: rates over two adjacent ones, and the newer one's gauges. */
export class Meter {
  /** Of the sample that was measured last, in the order of `DETAIL_MEASURES`. */
  readonly values = new Float64Array(DETAIL_MEASURES.length);
  /** Its time, µs since the epoch; 0 without a sample. */
  time = 0;
  private readonly older = {} as SampleCursor;
  private readonly newer = {} as SampleCursor;
  private seconds = 0;

  /** The newest sample of a container. */
  newest(container: ContainerView): void {
    const window = container.samples({ count: 2 });
    this.at(window, window.length - 1);
  }

  /** A sample of a window. */
  at(window: SampleWindow, index: number): void {
    const { values, older, newer } = this;
    this.time = 0;
    if (index < 0) return void values.fill(Number.NaN);
    window.at(index, newer);
    this.time = newer.time;
    this.seconds = 0;
    if (index > 0) {
      window.at(index - 1, older);
      this.seconds = (newer.time - older.time) / 1e6;
    }
    values[0] = this.rate('cpu') / 1e9;
    values[1] = this.growth('throttledPeriods') / Math.max(this.growth('periods'), 1);
    values[2] = totals.of(newer, 'memory');
    values[3] = totals.of(newer, 'pressure_cpu');
    values[4] = totals.of(newer, 'pressure_memory');
    values[5] = totals.of(newer, 'pressure_io');
    values[6] = this.rate('disk_read');
    values[7] = this.rate('disk_write');
    values[8] = this.rate('network_receive');
    values[9] = this.rate('network_transmit');
    values[10] = totals.of(newer, 'memory_usage');
  }

  private rate(quantity: Quantity): number {
    return this.growth(quantity) / this.seconds;
  }

  /** @returns NaN when there is no sample before, or the counter began anew */
  private growth(quantity: Quantity): number {
    if (this.seconds < SHORTEST_SPAN) return Number.NaN;
    const growth = totals.of(this.newer, quantity) - totals.of(this.older, quantity);
    return growth >= 0 ? growth : Number.NaN;
  }
}
