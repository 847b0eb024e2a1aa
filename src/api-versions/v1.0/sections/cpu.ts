import type { Layout } from '../../../kernel/contracts/index.js';
import { membersOf, type RowPrinterBuilder } from '../row-printer.js';
import { CFS_KEYS, LOAD_KEYS, PRESSURE_AVERAGES, SCHEDSTAT_KEYS } from './keys.js';

const CFS = membersOf('cpu.cfs.', CFS_KEYS);
const SCHEDSTAT = membersOf('cpu.schedstat.', SCHEDSTAT_KEYS);
const LOAD = membersOf('cpu.', LOAD_KEYS);

export function cpu(b: RowPrinterBuilder, layout: Layout): void {
  b.text('{"usage":{"total":').integer(layout.indexOf('cpu.usage.total'));
  const perCpu = layout.indexesOf('cpu.usage.per_cpu');
  for (const [index, column] of perCpu.entries()) {
    b.text(index === 0 ? ',"per_cpu_usage":[' : ',').integer(column);
  }
  b.text(perCpu.length === 0 ? ',' : '],').members(layout, membersOf('cpu.usage.', ['user', 'system']));
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
  for (const [index, scope] of ['full', 'some'].entries()) {
    const field = `pressure.${resource}.${scope}`;
    b.text(`${index === 0 ? `${separator}"psi":{` : ','}"${scope}":{"total":`).integer(
      layout.indexOf(`${field}.total`),
    );
    for (const average of PRESSURE_AVERAGES) b.text(`,"${average}":`).float(layout.indexOf(`${field}.${average}`));
    b.text('}');
  }
  b.text('}');
}
