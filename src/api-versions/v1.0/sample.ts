import { type ByteWriter, stringifyJson } from '../../kernel/contracts/bytes/index.js';
import type {
  ContainerHealth,
  ContainerView,
  Layout,
  SampleCursor,
  SampleWindow,
} from '../../kernel/contracts/index.js';
import { CustomMetricsWriter } from './custom-metrics.js';
import { NO_COLUMNS, PerLayout, type RowPrinter, RowPrinterBuilder } from './row-printer.js';
import * as sections from './sections/index.js';

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

/** The keys of a v1 sample that cAdvisor has; `custom_metrics` is printed between the two parts. */
function knownParts(
  layout: Layout,
  hasNetwork: boolean,
): { readonly head: RowPrinterBuilder; readonly tail: RowPrinterBuilder } {
  const head = new RowPrinterBuilder();
  sections.cpu(head.text(',"cpu":'), layout);
  sections.diskIo(head.text(',"diskio":'), layout);
  sections.memory(head.text(',"memory":'), layout);
  sections.hugetlb(head, layout);
  if (hasNetwork) sections.networkWithPrimary(head.text(',"network":'), layout);
  sections.filesystems(head, layout);
  sections.taskStates(head.text(',"task_stats":'), layout);
  if (sections.hasProcesses(layout)) sections.processes(head.text(',"processes":'), layout);
  const tail = new RowPrinterBuilder();
  sections.referencedMemoryAndResctrl(tail, layout);
  sections.cpusetAndOomEvents(tail, layout);
  return { head, tail };
}

/**
 * `,"fields":{…}`: the fields without a key in any version, by name, if the layout has any. A field with dimensions
 * is a list of its values with their labels; absent values are omitted.
 */
export function otherFields(b: RowPrinterBuilder, layout: Layout): void {
  const { head, tail } = knownParts(layout, true);
  const used = [...head.usedColumns(), ...tail.usedColumns()];
  const known = new Set(used.map((column) => layout.columns[column]!.field.name));
  const others = new Set(layout.columns.map(({ field }) => field.name).filter((name) => !known.has(name)));
  if (others.size === 0) return;
  b.text(',"fields":{');
  for (const name of others) {
    const columns = layout.indexesOf(name);
    const { dimensions = [] } = layout.columns[columns[0]!]!.field;
    if (dimensions.length > 0) labelled(b, layout, name, columns, dimensions);
    else b.ifPresent(columns[0]!, () => b.comma().string(name).text(':').number(columns[0]!));
  }
  b.text('}');
}

function labelled(
  b: RowPrinterBuilder,
  layout: Layout,
  name: string,
  columns: readonly number[],
  dimensions: readonly string[],
): void {
  b.comma().string(name).text(':[');
  for (const column of columns) {
    const values = layout.columns[column]!.labels ?? [];
    const labels = Object.fromEntries(dimensions.map((dimension, index) => [dimension, values[index] ?? '']));
    b.ifPresent(column, () =>
      b
        .comma()
        .text(`{"labels":${stringifyJson(labels)},"value":`)
        .number(column)
        .text('}'),
    );
  }
  b.text(']');
}
