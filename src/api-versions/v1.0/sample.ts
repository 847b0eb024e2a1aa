import type { ByteWriter } from '../../kernel/contracts/bytes/index.js';
import type {
  ContainerHealth,
  ContainerView,
  Layout,
  SampleCursor,
  SampleWindow,
} from '../../kernel/contracts/index.js';
import { CustomMetricsWriter } from './custom-metrics.js';
import { knownParts, otherFields } from './other-fields.js';
import { NO_COLUMNS, PerLayout, type RowPrinter } from './row-printer.js';

export function newCursor(): SampleCursor {
  return { layout: NO_COLUMNS, time: 0, values: new Float64Array(0), residuals: undefined, base: 0 };
}

/** Application metrics are printed between the two parts. */
interface SamplePrinter {
  readonly head: RowPrinter;
  readonly tail: RowPrinter;
}

/**
 * Prints samples of v1: always CPU, memory and block I/O,
 * network and processes only when they are collected.
 */
export class SamplesV1 {
  private readonly printers = new PerLayout((layout, network) => compile(layout, network === 1));
  private readonly cursor = newCursor();
  private readonly customMetrics = new CustomMetricsWriter();

  /** `[sample,…]`, oldest first. */
  write(out: ByteWriter, window: SampleWindow, container: ContainerView): void {
    out.ascii('[');
    for (let i = 0; i < window.length; i++) {
      if (i > 0) out.ascii(',');
      this.writeSample(out, window.at(i, this.cursor), container);
    }
    out.ascii(']');
  }

  writeSample(out: ByteWriter, cursor: SampleCursor, container: ContainerView): void {
    const { networkMode, state } = container.description;
    // A container in another one's network has no network of its own, which newer agents print as zeros.
    const variant = Number(networkMode === 'shared' || container.has('network'));
    const { head, tail } = this.printers.get(cursor.layout, variant);
    out.ascii('{"timestamp":');
    out.time(cursor.time);
    head.write(out, cursor);
    this.customMetrics.writeAt(out, container.appMetrics, cursor.time);
    tail.write(out, cursor);
    out.ascii(`,"health":{"status":"${healthAt(state.health, cursor.time)}"}}`);
  }
}

/** The health state at a time (µs since the epoch); empty without a health check. */
export function healthAt(health: ContainerHealth | undefined, time: number): string {
  return health?.earlier?.find(({ until }) => time < until)?.status ?? health?.status ?? '';
}

function compile(layout: Layout, hasNetwork: boolean): SamplePrinter {
  const { head, tail } = knownParts(layout, hasNetwork);
  otherFields(tail, layout);
  return { head: head.build(), tail: tail.build() };
}
