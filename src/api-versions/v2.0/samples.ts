import type { ByteWriter } from '../../kernel/contracts/bytes/index.js';
import type {
  ContainerAppMetrics,
  ContainerView,
  Layout,
  SamplePart,
  SampleWindow,
} from '../../kernel/contracts/index.js';
import {
  CustomMetricsWriter,
  NO_COLUMNS,
  newCursor,
  otherFields,
  PerLayout,
  type RowPrinter,
  RowPrinterBuilder,
  sections,
} from '../v1.0/index.js';
import { CpuRates } from './cpu-rates.js';

/** The parts of a container's samples, one bit each. */
export const PART = {
  cpu: 1,
  diskio: 2,
  memory: 4,
  network: 8,
  processes: 16,
  filesystem: 32,
  hugetlb: 64,
} as const;

/** The same for application metrics, which are not part of a row. */
const CUSTOM_METRICS = 128;
const PARTS = Object.keys(PART) as (keyof typeof PART & SamplePart)[];

/** Prints samples of one layout and set of parts. */
export interface SamplePrinter {
  /** Before `cpu_inst`. */
  readonly head: RowPrinter;
  readonly tail: RowPrinter;
  /** After application metrics; absent: nothing. */
  readonly end?: RowPrinter;
}

/** The parts of a container as a set of `PART` bits. */
export function partsOf(container: ContainerView): number {
  let parts = 0;
  for (const part of PARTS) if (container.has(part)) parts |= PART[part];
  if ((container.appMetrics?.specs.length ?? 0) > 0) parts |= CUSTOM_METRICS;
  return parts;
}

/** Prints lists of samples with the CPU rates between them. */
export class RatedSamples {
  private readonly printers: PerLayout<SamplePrinter>;
  private readonly rates = new CpuRates();
  private readonly customMetrics = new CustomMetricsWriter();
  private readonly cursors = [newCursor(), newCursor()] as const;

  /** @param compile makes the printer of a layout for a set of `PART` bits */
  constructor(compile: (layout: Layout, parts: number) => SamplePrinter) {
    this.printers = new PerLayout(compile);
  }

  /**
   * `[sample,…]`, oldest first; the first one has no `cpu_inst`.
   * @param appMetrics absent when the samples have none
   */
  write(out: ByteWriter, window: SampleWindow, parts: number, appMetrics?: ContainerAppMetrics): void {
    let [last, current] = this.cursors as readonly [(typeof this.cursors)[0], (typeof this.cursors)[0]];
    let printer: SamplePrinter | undefined;
    let layout: Layout | undefined;
    out.ascii('[');
    for (let i = 0; i < window.length; i++) {
      window.at(i, current);
      if (printer === undefined || current.layout !== layout) {
        layout = current.layout;
        printer = this.printers.get(layout, parts);
      }
      out.ascii(i === 0 ? '{"timestamp":' : ',{"timestamp":');
      out.time(current.time);
      printer.head.write(out, current);
      if (i > 0 && (parts & PART.cpu) !== 0) this.rates.write(out, last, current);
      printer.tail.write(out, current);
      this.customMetrics.writeAt(out, appMetrics, current.time);
      printer.end?.write(out, current);
      out.ascii('}');
      [last, current] = [current, last];
    }
    out.ascii(']');
  }
}

/** The flat samples of v2.0: parts that the container lacks are printed as zeros. */
export function flatSample(layout: Layout, parts: number): SamplePrinter {
  const has = (part: number): boolean => (parts & part) !== 0;
  const columns = (part: number): Layout => (has(part) ? layout : NO_COLUMNS);
  const part = (key: keyof typeof PART, b: RowPrinterBuilder, write: typeof sections.cpu): void =>
    write(b.text(`,"has_${key}":${has(PART[key])},"${key}":`), columns(PART[key]));
  const head = new RowPrinterBuilder();
  const tail = new RowPrinterBuilder();
  part('cpu', head, sections.cpu);
  part('diskio', tail, sections.diskIo);
  part('memory', tail, sections.memory);
  sections.hugetlb(tail.text(`,"has_hugetlb":${has(PART.hugetlb)}`), columns(PART.hugetlb));
  part('network', tail, sections.network);
  const hasProcesses = has(PART.processes) && sections.hasProcesses(layout);
  sections.processes(tail.text(`,"has_processes":${hasProcesses},"processes":`), hasProcesses ? layout : NO_COLUMNS);
  sections.filesystems(tail.text(`,"has_filesystem":${has(PART.filesystem)}`), columns(PART.filesystem));
  sections.taskStates(tail.text(',"has_load":false,"load_stats":'), NO_COLUMNS);
  tail.text(`,"has_custom_metrics":${has(CUSTOM_METRICS)}`);
  const end = new RowPrinterBuilder();
  sections.referencedMemoryAndResctrl(end, layout);
  otherFields(end, layout);
  return { head: head.build(), tail: tail.build(), end: end.build() };
}
