import type { Layout } from '../../../kernel/contracts/index.js';
import { compareBytes } from '../json.js';
import type { RowPrinterBuilder } from '../row-printer.js';

/** `,"hugetlb":{…}`: huge pages by page size, when the layout has them. */
export function hugetlb(b: RowPrinterBuilder, layout: Layout): void {
  const usage = layout
    .indexesOf('hugetlb.usage')
    .map((column) => layout.columns[column]!.labels?.[0] ?? '')
    .sort(compareBytes);
  for (const [index, size] of usage.entries()) {
    b.text(index === 0 ? ',"hugetlb":{' : ',')
      .string(size)
      .text(':{');
    for (const [position, name] of ['usage', 'max_usage', 'failcnt'].entries()) {
      const column = layout
        .indexesOf(`hugetlb.${name}`)
        .find((candidate) => layout.columns[candidate]!.labels?.[0] === size);
      b.text(`${position === 0 ? '' : ','}"${name}":`).integer(column ?? -1);
    }
    b.text('}');
  }
  if (usage.length > 0) b.text('}');
}

/** `,"cpuset":{…}` and `,"oom_events":N` (v1 only), when the layout has them. */
export function cpusetAndOomEvents(b: RowPrinterBuilder, layout: Layout): void {
  const migrate = layout.indexOf('cpuset.memory_migrate');
  if (migrate >= 0) b.text(',"cpuset":{"memory_migrate":').integer(migrate).text('}');
  const kills = layout.indexOf('oom.kills');
  b.ifPositive(kills, () => b.text(',"oom_events":').integer(kills));
}
