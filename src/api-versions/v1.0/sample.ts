import type {
  ByteWriter,
  ContainerAppMetrics,
  Layout,
  SampleCursor,
  SampleWindow,
} from '../../kernel/contracts/index.js';
import { CustomMetricsWriter } from './custom-metrics.js';
import { NO_COLUMNS, PerLayout, type RowPrinter, RowPrinterBuilder } from './row-printer.js';
import * as sections from './sections/index.js';

/** A cursor that points nowhere yet. */
export function newCursor(): SampleCursor {
  return { layout: NO_COLUMNS, time: 0, values: new Float64Array(0), residuals: undefined, base: 0 };
}

/** Prints samples in the shape of v1 (contract 7.3): everything, whether or not the container has the resource. */
export class SamplesV1 {
  private readonly printers = new PerLayout(compile);
  private readonly cursor = newCursor();
  private readonly customMetrics = new CustomMetricsWriter();

  /** `[sample,…]`, oldest first. */
  write(out: ByteWriter, window: SampleWindow, appMetrics: ContainerAppMetrics | undefined): void {
    const { cursor } = this;
    let printer: RowPrinter | undefined;
    let layout: Layout | undefined;
    out.ascii('[');
    for (let i = 0; i < window.length; i++) {
      window.at(i, cursor);
      if (printer === undefined || cursor.layout !== layout) {
        layout = cursor.layout;
        printer = this.printers.get(layout);
      }
      out.ascii(i === 0 ? '{"timestamp":' : ',{"timestamp":');
      out.time(cursor.time);
      printer.write(out, cursor);
      this.customMetrics.writeAt(out, appMetrics, cursor.time);
      out.ascii('}');
    }
    out.ascii(']');
  }
}

function compile(layout: Layout): RowPrinter {
  const b = new RowPrinterBuilder();
  b.text(',"cpu":');
  sections.cpu(b, layout);
  b.text(',"diskio":');
  sections.diskIo(b, layout);
  b.text(',"memory":');
  sections.memory(b, layout);
  b.text(',"network":');
  sections.networkWithPrimary(b, layout);
  sections.filesystems(b, layout);
  b.text(',"task_stats":');
  sections.taskStates(b, layout);
  b.text(',"processes":');
  sections.processes(b, layout);
  sections.hugetlb(b, layout);
  sections.cpusetAndOomEvents(b, layout);
  return b.build();
}
