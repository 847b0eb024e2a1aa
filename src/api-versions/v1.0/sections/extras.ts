import type { Layout } from '../../../kernel/contracts/index.js';
import { compareBytes } from '../json.js';
import type { Member, RowPrinterBuilder } from '../row-printer.js';

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
  const usage = layout
    .indexesOf('hugetlb.usage')
    .map((column) => layout.columns[column]!.labels?.[0] ?? '')
    .sort(compareBytes);
  for (const [index, size] of usage.entries()) {
    b.text(index === 0 ? ',"hugetlb":{' : ',')
      .string(size)
      .text(':{');
    const columnOf = (name: string): number =>
      layout.indexesOf(`hugetlb.${name}`).find((column) => layout.columns[column]!.labels?.[0] === size) ?? -1;
    for (const name of ['usage', 'max_usage']) {
      const column = columnOf(name);
      b.ifPositive(column, () => b.text(`"${name}":`).integer(column).text(','));
    }
    b.text('"failcnt":').integer(columnOf('failcnt')).text('}');
  }
  if (usage.length > 0) b.text('}');
}

/** `,"referenced_memory":N` when it is above 0, and `,"resctrl":{…}` with what the layout has. */
export function referencedMemoryAndResctrl(b: RowPrinterBuilder, layout: Layout): void {
  const referenced = layout.indexOf('memory.referenced');
  b.ifPositive(referenced, () => b.text(',"referenced_memory":').integer(referenced));
  b.text(',"resctrl":{');
  const parts = RESCTRL.filter(([, [[, field]]]) => layout.indexOf(field) >= 0);
  for (const [index, [key, members]] of parts.entries()) {
    b.text(`${index === 0 ? '' : ','}"${key}":[`);
    for (const place of layout.indexesOf(members[0][1]).keys()) {
      b.text(place === 0 ? '{' : ',{');
      for (const [position, [name, field]] of members.entries()) {
        b.text(`${position === 0 ? '' : ','}"${name}":`).integer(layout.indexesOf(field)[place] ?? -1);
      }
      b.text('}');
    }
    b.text(']');
  }
  b.text('}');
}

/** `,"cpuset":{…}`, and `,"oom_events":N` when there were any (v1 only). */
export function cpusetAndOomEvents(b: RowPrinterBuilder, layout: Layout): void {
  b.text(',"cpuset":{"memory_migrate":').integer(layout.indexOf('cpuset.memory_migrate')).text('}');
  const kills = layout.indexOf('oom.kills');
  b.ifPositive(kills, () => b.text(',"oom_events":').integer(kills));
}
