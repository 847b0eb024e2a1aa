import type { Layout } from '../../kernel/contracts/index.js';
import { otherFields, RowPrinterBuilder, sections } from '../v1.0/index.js';
import { PART, type SamplePrinter } from '../v2.0/index.js';

/** The samples of v2.1: only the parts that the container has. */
export function sparseSample(layout: Layout, parts: number): SamplePrinter {
  const head = new RowPrinterBuilder();
  const tail = new RowPrinterBuilder();
  const end = new RowPrinterBuilder();
  const part = (key: keyof typeof PART, b: RowPrinterBuilder, write: typeof sections.cpu): void => {
    if ((parts & PART[key]) !== 0) write(b.text(`,"${key}":`), layout);
  };
  part('cpu', head, sections.cpu);
  part('diskio', tail, sections.diskIo);
  part('memory', tail, sections.memory);
  if ((parts & PART.hugetlb) !== 0) sections.hugetlb(tail, layout);
  part('network', tail, sections.network);
  if (sections.hasProcesses(layout)) part('processes', tail, sections.processes);
  if ((parts & PART.filesystem) !== 0) onlyFilesystem(tail, layout);
  sections.referencedMemoryAndResctrl(end, layout);
  otherFields(end, layout);
  return { head: head.build(), tail: tail.build(), end: end.build() };
}

/** `,"filesystem":{…}`: the container's filesystem when it has exactly one. */
function onlyFilesystem(b: RowPrinterBuilder, layout: Layout): void {
  const all = sections.filesystemsOf(layout);
  if (all.length !== 1) return;
  const [filesystem] = all as [sections.FilesystemColumns];
  b.text(',"filesystem":{"totalUsageBytes":').integer(filesystem.column('usage'));
  b.text(',"baseUsageBytes":').integer(filesystem.column('base_usage'));
  // Clients know the first spelling.
  for (const key of ['containter_inode_usage', 'container_inode_usage']) {
    b.text(`,"${key}":`).integer(filesystem.column('inodes'));
  }
  b.text('}');
}

export const DISK_COUNTERS: readonly (readonly [key: string, field: string, nanoseconds?: true])[] = [
  ['reads_completed', 'reads_completed'],
  ['reads_merged', 'reads_merged'],
  ['sectors_read', 'sectors_read'],
  ['read_duration', 'read_time', true],
  ['writes_completed', 'writes_completed'],
  ['writes_merged', 'writes_merged'],
  ['sectors_written', 'sectors_written'],
  ['write_duration', 'write_time', true],
  ['io_in_progress', 'io_in_progress'],
  ['io_duration', 'io_time', true],
  ['weighted_io_duration', 'weighted_io_time', true],
];

/** MachineStats: the samples of `/`. */
export function machineSample(layout: Layout, parts: number): SamplePrinter {
  const head = new RowPrinterBuilder();
  const tail = new RowPrinterBuilder();
  if ((parts & PART.cpu) !== 0) sections.cpu(head.text(',"cpu":'), layout);
  if ((parts & PART.memory) !== 0) sections.memory(tail.text(',"memory":'), layout);
  if ((parts & PART.network) !== 0) sections.network(tail.text(',"network":'), layout);
  if ((parts & PART.filesystem) !== 0) machineFilesystems(tail, layout);
  otherFields(tail, layout);
  return { head: head.build(), tail: tail.build() };
}

function machineFilesystems(b: RowPrinterBuilder, layout: Layout): void {
  const all = sections.filesystemsOf(layout);
  if (all.length === 0) return;
  b.text(',"filesystem":[');
  for (const filesystem of all) sections.whereMounted(b, filesystem, () => machineFilesystem(b, filesystem));
  b.text(']');
}

function machineFilesystem(b: RowPrinterBuilder, filesystem: sections.FilesystemColumns): void {
  b.comma().text('{"device":').string(filesystem.device);
  b.text(',"type":').string(filesystem.type);
  for (const name of ['capacity', 'usage', 'available']) b.text(`,"${name}":`).integer(filesystem.column(name));
  const free = filesystem.column('inodes_free');
  if (free >= 0) b.text(',"inodes_free":').integer(free);
  // Clients expect the counters below the literal key `inline`; they belong into the element itself.
  diskCounters(b.text(',"inline":{'), filesystem);
  diskCounters(b.text('},'), filesystem);
  b.text('}');
}

function diskCounters(b: RowPrinterBuilder, filesystem: sections.FilesystemColumns): void {
  b.list(DISK_COUNTERS, ([key, field, nanoseconds]) => {
    b.text(`"${key}":`);
    if (nanoseconds) b.millionfold(filesystem.column(field));
    else b.integer(filesystem.column(field));
  });
}
