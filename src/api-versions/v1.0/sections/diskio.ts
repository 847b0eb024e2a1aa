import type { Layout } from '../../../kernel/contracts/index.js';
import { compareBytes } from '../json.js';
import type { RowPrinterBuilder } from '../row-printer.js';
import { pressure } from './cpu.js';
import { IO_TABLES } from './keys.js';

/** The `diskio` object of a sample: tables of devices and operations, without those the layout lacks. */
export function diskIo(b: RowPrinterBuilder, layout: Layout): void {
  const tables = IO_TABLES.filter((table) => layout.indexOf(`diskio.${table}`) >= 0);
  b.text('{').list(tables, (table) => {
    b.text(`"${table}":[`);
    devices(b, layout, layout.indexesOf(`diskio.${table}`));
    b.text(']');
  });
  pressure(b, layout, 'io', tables.length > 0 ? ',' : '');
  b.text('}');
}

function devices(b: RowPrinterBuilder, layout: Layout, columns: readonly number[]): void {
  const byNumbers = new Map<string, number[]>();
  for (const column of columns) {
    const [major, minor] = layout.columns[column]!.labels ?? [];
    const known = byNumbers.get(`${major}:${minor}`);
    if (known === undefined) byNumbers.set(`${major}:${minor}`, [column]);
    else known.push(column);
  }
  b.list(byNumbers.values(), (operations) => {
    const [major = '0', minor = '0', device = ''] = layout.columns[operations[0]!]!.labels ?? [];
    b.text('{"device":').string(device);
    b.text(`,"major":${Number(major)},"minor":${Number(minor)},"stats":{`);
    const sorted = operations
      .map((column) => ({ column, operation: layout.columns[column]!.labels?.[3] ?? 'Count' }))
      .sort((a, z) => compareBytes(a.operation, z.operation));
    b.list(sorted, ({ column, operation }) => b.string(operation).text(':').integer(column)).text('}}');
  });
}
