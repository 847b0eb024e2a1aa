import type { Layout } from '../../../kernel/contracts/index.js';
import type { RowPrinterBuilder } from '../row-printer.js';
import { DISK_COUNTERS } from './keys.js';

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
    if (!field.name.startsWith('filesystem.')) continue;
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
  for (const [index, filesystem] of all.entries()) {
    b.text(index === 0 ? ',"filesystem":[{' : ',{');
    element(b, filesystem);
    b.text('}');
  }
  if (all.length > 0) b.text(']');
}

function element(b: RowPrinterBuilder, filesystem: FilesystemColumns): void {
  if (filesystem.device !== '') b.text('"device":').string(filesystem.device).text(',');
  b.text('"type":').string(filesystem.type);
  for (const name of ['capacity', 'usage', 'base_usage', 'available']) {
    b.text(`,"${name}":`).integer(filesystem.column(name));
  }
  b.text(`,"has_inodes":${filesystem.column('inodes_free') >= 0}`);
  for (const name of ['inodes', 'inodes_free', ...DISK_COUNTERS]) {
    b.text(`,"${name}":`).integer(filesystem.column(name));
  }
}
