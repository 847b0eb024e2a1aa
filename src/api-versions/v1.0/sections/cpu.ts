import type { Layout } from '../../../kernel/contracts/index.js';
import { membersOf, type RowPrinterBuilder } from '../row-printer.js';
import { CFS_KEYS, LOAD_KEYS, PRESSURE_AVERAGES, SCHEDSTAT_KEYS } from './keys.js';

const CFS = membersOf('cpu.cfs.', CFS_KEYS);
const SCHEDSTAT = membersOf('cpu.schedstat.', SCHEDSTAT_KEYS);
const LOAD = membersOf('cpu.', LOAD_KEYS);

export function cpu(b: RowPrinterBuilder, layout: Layout): void {
  b.text('{"usage":{"total":').integer(layout.indexOf('cpu.usage.total'));
  const perCpu = layout.indexesOf('cpu.usage.per_cpu');
  if (perCpu.length > 0)
    b.text(',"per_cpu_usage":[')
      .list(perCpu, (column) => b.integer(column))
      .text(']');
  b.text(',').members(layout, membersOf('cpu.usage.', ['user', 'system']));
  b.text('},"cfs":{').members(layout, CFS);
  b.text('},"schedstat":{').members(layout, SCHEDSTAT);
  b.text('},').members(layout, LOAD);
  pressure(b, layout, 'cpu');
  b.text('}');
}

/** `,"psi":{…}`: the pressure stall numbers of a resource. */
export function pressure(
  b: RowPrinterBuilder,
  layout: Layout,
  resource: 'cpu' | 'memory' | 'io',
  separator = ',',
): void {
  b.text(`${separator}"psi":{`).list(['full', 'some'], (scope) => {
    const field = `pressure.${resource}.${scope}`;
    b.text(`"${scope}":{"total":`).integer(layout.indexOf(`${field}.total`));
    for (const average of PRESSURE_AVERAGES) b.text(`,"${average}":`).float(layout.indexOf(`${field}.${average}`));
    b.text('}');
  });
  b.text('}');
}
