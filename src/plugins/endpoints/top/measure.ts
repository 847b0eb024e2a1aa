import type { DetailMeasure } from '../../../client/top/columns.js';
import type { ContainerView, Layout, SampleCursor, SampleWindow } from '../../../kernel/contracts/index.js';

/** Seconds. Two samples that are closer give no rate: the clock was set back between them. */
const SHORTEST_SPAN = 0.01;

interface Source {
  readonly field: string;
  readonly operation?: string;
}

/** Index of the operation (`Read`) among the labels of a column of `diskio`. */
const OPERATION = 3;

/** Sums the columns of each quantity in a sample. Their positions are looked up once per layout. */
function totalsOf<Quantity extends string>(sources: Readonly<Record<Quantity, Source>>) {
  type Columns = Readonly<Record<Quantity, readonly number[]>>;
  const known = new WeakMap<Layout, Columns>();
  let last: Layout | undefined;
  let columns: Columns | undefined;
  const columnsOf = (layout: Layout): Columns => {
    const entries = Object.entries<Source>(sources).map(([quantity, { field, operation }]) => {
      const all = layout.indexesOf(field);
      const wanted = all.filter((i) => operation === undefined || layout.columns[i]!.labels?.[OPERATION] === operation);
      return [quantity, wanted];
    });
    return Object.fromEntries(entries) as Columns;
  };
  return {
    /** @returns NaN when the sample has no such column */
    of({ layout, values, base }: SampleCursor, quantity: Quantity): number {
      // Containers of the same shape share their layout.
      if (layout !== last) {
        columns = known.get(layout) ?? columnsOf(layout);
        known.set(layout, columns);
        last = layout;
      }
      const wanted = columns![quantity];
      if (wanted.length === 0) return Number.NaN;
      let sum = 0;
      for (let i = 0; i < wanted.length; i++) sum += values[base + wanted[i]!]!;
      return sum;
    },
  };
}

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
  /** Of the sample that is measured, µs since the epoch; 0 without a sample. */
  time = 0;
  private readonly older = {} as SampleCursor;
  private readonly newer = {} as SampleCursor;
  private seconds = 0;

  newest(container: ContainerView): void {
    const window = container.samples({ count: 2 });
    this.at(window, window.length - 1);
  }

  at(window: SampleWindow, index: number): void {
    this.time = 0;
    this.seconds = 0;
    if (index < 0) return;
    window.at(index, this.newer);
    this.time = this.newer.time;
    if (index === 0) return;
    window.at(index - 1, this.older);
    this.seconds = (this.time - this.older.time) / 1e6;
  }

  /** A measure of the sample, NaN when it is unknown. */
  value(measure: DetailMeasure): number {
    if (this.time === 0) return Number.NaN;
    switch (measure) {
      case 'cpu':
        return this.rate('cpu') / 1e9;
      case 'throttled':
        return this.growth('throttledPeriods') / Math.max(this.growth('periods'), 1);
      case 'disk_read':
      case 'disk_write':
      case 'network_receive':
      case 'network_transmit':
        return this.rate(measure);
      default:
        return totals.of(this.newer, measure);
    }
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
