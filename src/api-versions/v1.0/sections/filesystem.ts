import type { Layout } from '../../../kernel/contracts/index.js';
import type { RowPrinterBuilder } from '../row-printer.js';
import { DISK_COUNTERS } from './keys.js';

const SIZES = ['capacity', 'usage', 'base_usage', 'available'] as const;
const COUNTS = ['inodes', 'inodes_free', ...DISK_COUNTERS] as const;
const KNOWN = new Set([...SIZES, ...COUNTS].map((name) => `filesystem.${name}`));

/** The columns of one filesystem in a layout. */
export interface FilesystemColumns {
  readonly device: string;
  readonly type: string;
  /** Index of the column of `filesystem.<name>` for this device, −1 when there is none. */
  column(name: string): number;
}

/** The filesystems of a layout, in its order. */
export function filesystemsOf(layout: Layout): FilesystemColumns[] {
  const byDevice = new Map<string, Map<string, number>>();
  const types = new Map<string, string>();
  for (const [index, { field, labels, attributes }] of layout.columns.entries()) {
    // A field that other sources add is not a file system.
    if (!KNOWN.has(field.name)) continue;
    const device = labels?.[0] ?? '';
    let columns = byDevice.get(device);
    if (columns === undefined) {
      columns = new Map();
      byDevice.set(device, columns);
      types.set(device, attributes?.type ?? '');
    }
    columns.set(field.name.slice('filesystem.'.length), index);
  }
  return [...byDevice].map(([device, columns]) => ({
    device,
    type: types.get(device)!,
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
      element(b, filesystem);
      b.text('}');
    });
  }
  b.text(']');
}

/**
 * What `write` appends is left out of rows in which a mount of the host has no size: it is gone, and was still there when
 * the mounts were looked at last. What a container takes up is shown also before it is measured.
 */
export function whereMounted(b: RowPrinterBuilder, filesystem: FilesystemColumns, write: () => void): void {
  if (filesystem.column('base_usage') >= 0 || filesystem.column('capacity') < 0) write();
  else b.ifPresent(filesystem.column('capacity'), write);
}

function element(b: RowPrinterBuilder, filesystem: FilesystemColumns): void {
  if (filesystem.device !== '') b.text('"device":').string(filesystem.device).text(',');
  b.text('"type":').string(filesystem.type);
  for (const name of SIZES) {
    b.text(`,"${name}":`).integer(filesystem.column(name));
  }
  b.text(`,"has_inodes":${filesystem.column('inodes_free') >= 0}`);
  for (const name of COUNTS) {
    b.text(`,"${name}":`).integer(filesystem.column(name));
  }
}
