import type { Layout } from '../../../kernel/contracts/index.js';
import type { RowPrinterBuilder } from '../row-printer.js';
import { PRESSURE_AVERAGES } from './keys.js';

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
