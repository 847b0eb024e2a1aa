import type { Layout } from '../../../kernel/contracts/index.js';
import type { RowPrinterBuilder } from '../row-printer.js';
import { DISK_COUNTERS } from './keys.js';

const SIZES = ['capacity', 'usage', 'base_usage', 'available'] as const;
const INODES = ['inodes', 'inodes_free'] as const;
const KNOWN = new Set([...SIZES, ...INODES, ...DISK_COUNTERS].map((name) => `filesystem.${name}`));

/** The columns of one filesystem in a layout. */
export interface FilesystemColumns {
  readonly device: string;
  readonly type: string;
  /** Index of the column of `filesystem.<name>` for this device, −1 when there is none. */
  column(name: string): number;
}

/** The filesystems of a layout, in its order. */
export function filesystemsOf(layout: Layout): FilesystemColumns[] {
  const byDevice = new Map<string, { type: string; columns: Map<string, number> }>();
  for (const [index, { field, labels, attributes }] of layout.columns.entries()) {
    // Third-party fields do not make a filesystem.
    if (!KNOWN.has(field.name)) continue;
    const device = labels?.[0] ?? '';
    const known = byDevice.get(device) ?? { type: attributes?.type ?? '', columns: new Map<string, number>() };
    byDevice.set(device, known);
    known.columns.set(field.name.slice('filesystem.'.length), index);
  }
  return [...byDevice].map(([device, { type, columns }]) => ({
    device,
    type,
    column: (name) => columns.get(name) ?? -1,
  }));
}

/** `,"filesystem":[…]`: nothing when the layout has no filesystem. */
export function filesystems(b: RowPrinterBuilder, layout: Layout): void {
  const all = filesystemsOf(layout);
  if (all.length === 0) return;
  b.text(',"filesystem":[');
  for (const filesystem of all) {
    whereMounted(b, filesystem, () => {
      b.comma().text('{');
      element(b, layout, filesystem);
      b.text('}');
    });
  }
  b.text(']');
}

/**
 * Omits what `write` appends from rows in which a mount of the host has no size: it has been unmounted since the
 * mounts were last read. The filesystem of a container is printed even before it is measured.
 */
export function whereMounted(b: RowPrinterBuilder, filesystem: FilesystemColumns, write: () => void): void {
  if (filesystem.column('base_usage') >= 0 || filesystem.column('capacity') < 0) write();
  else b.ifPresent(filesystem.column('capacity'), write);
}

/** Disk counters that are derived from a container's own block I/O, with the factor of their unit. */
const OWN_IO: Partial<
  Record<(typeof DISK_COUNTERS)[number], readonly [table: string, operation: string, per?: number]>
> = {
  reads_completed: ['io_serviced', 'Read'],
  reads_merged: ['io_merged', 'Read'],
  sectors_read: ['io_service_bytes', 'Read', 512],
  read_time: ['io_service_time', 'Read', 1e6],
  writes_completed: ['io_serviced', 'Write'],
  writes_merged: ['io_merged', 'Write'],
  sectors_written: ['io_service_bytes', 'Write', 512],
  write_time: ['io_service_time', 'Write', 1e6],
  io_in_progress: ['io_queued', 'Total'],
};

/**
 * The disk counters of a filesystem: those of the disk for the machine, and its own block I/O on the device for a
 * container. Unmeasured counters are omitted.
 */
function diskCounters(b: RowPrinterBuilder, layout: Layout, filesystem: FilesystemColumns): void {
  const isMachine = filesystem.column('available') >= 0;
  for (const name of DISK_COUNTERS) {
    const column = filesystem.column(name);
    if (column >= 0 || isMachine) {
      b.text(`,"${name}":`).integer(column);
      continue;
    }
    const [table, operation, per = 1] = OWN_IO[name] ?? [];
    const own = layout.indexesOf(`diskio.${table}`).find((index) => {
      const [, , device, kind] = layout.columns[index]!.labels ?? [];
      return device === filesystem.device && kind === operation;
    });
    if (own !== undefined) b.ifPresent(own, () => b.text(`,"${name}":`).quotient(own, per));
  }
}

function element(b: RowPrinterBuilder, layout: Layout, filesystem: FilesystemColumns): void {
  if (filesystem.device !== '') b.text('"device":').string(filesystem.device).text(',');
  b.text('"type":').string(filesystem.type);
  for (const name of SIZES) {
    b.text(`,"${name}":`).integer(filesystem.column(name));
  }
  b.text(`,"has_inodes":${filesystem.column('inodes_free') >= 0}`);
  for (const name of INODES) b.text(`,"${name}":`).integer(filesystem.column(name));
  diskCounters(b, layout, filesystem);
}
