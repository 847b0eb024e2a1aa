import type { Layout } from '../../../kernel/contracts/index.js';
import { compareBytes } from '../json.js';
import { labelledColumn, labelOf, type Member, type RowPrinterBuilder } from '../row-printer.js';

/** The lists of `resctrl`, one element per memory controller or cache. */
const RESCTRL: readonly (readonly [key: string, members: readonly [Member, ...Member[]]])[] = [
  [
    'memory_bandwidth',
    [
      ['mbm_total_bytes', 'resctrl.memory_bandwidth.total'],
      ['mbm_local_bytes', 'resctrl.memory_bandwidth.local'],
    ],
  ],
  ['cache', [['llc_occupancy', 'resctrl.llc_occupancy']]],
];

/** `,"hugetlb":{…}`: huge pages by page size, when the layout has them. */
export function hugetlb(b: RowPrinterBuilder, layout: Layout): void {
  const sizes = layout.indexesOf('hugetlb.usage').map((column) => labelOf(layout, column));
  if (sizes.length === 0) return;
  b.text(',"hugetlb":{').list(sizes.sort(compareBytes), (size) => {
    b.string(size).text(':{');
    for (const name of ['usage', 'max_usage']) {
      const column = labelledColumn(layout, `hugetlb.${name}`, size);
      b.ifPositive(column, () => b.text(`"${name}":`).integer(column).text(','));
    }
    b.text('"failcnt":')
      .integer(labelledColumn(layout, 'hugetlb.failcnt', size))
      .text('}');
  });
  b.text('}');
}

/** `,"referenced_memory":N` when it is above 0, and `,"resctrl":{…}` with what the layout has. */
export function referencedMemoryAndResctrl(b: RowPrinterBuilder, layout: Layout): void {
  const referenced = layout.indexOf('memory.referenced');
  b.ifPositive(referenced, () => b.text(',"referenced_memory":').integer(referenced));
  const parts = RESCTRL.filter(([, [[, field]]]) => layout.indexOf(field) >= 0);
  b.text(',"resctrl":{').list(parts, ([key, members]) => {
    b.text(`"${key}":[`).list(layout.indexesOf(members[0][1]).keys(), (place) => {
      b.text('{').list(members, ([name, field]) => b.text(`"${name}":`).integer(layout.indexesOf(field)[place] ?? -1));
      b.text('}');
    });
    b.text(']');
  });
  b.text('}');
}

/** `,"cpuset":{…}`, and `,"oom_events":N` when there were any (v1 only). */
export function cpusetAndOomEvents(b: RowPrinterBuilder, layout: Layout): void {
  b.text(',"cpuset":{"memory_migrate":').integer(layout.indexOf('cpuset.memory_migrate')).text('}');
  const kills = layout.indexOf('oom.kills');
  b.ifPositive(kills, () => b.text(',"oom_events":').integer(kills));
}
