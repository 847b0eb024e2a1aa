import { stringifyJson } from '../../kernel/contracts/bytes/index.js';
import type { Layout } from '../../kernel/contracts/index.js';
import { RowPrinterBuilder } from './row-printer.js';
import * as sections from './sections/index.js';

/** The keys of a v1 sample that cAdvisor has; `custom_metrics` is printed between the two parts. */
export function knownParts(
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
