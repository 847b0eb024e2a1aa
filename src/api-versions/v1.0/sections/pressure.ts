import type { Layout } from '../../../kernel/contracts/index.js';
import type { RowPrinterBuilder } from '../row-printer.js';
import { PRESSURE_AVERAGES } from './keys.js';

/** `,"psi":{…}`: the pressure stall numbers of a resource, when the layout has them. */
export function pressure(
  b: RowPrinterBuilder,
  layout: Layout,
  resource: 'cpu' | 'memory' | 'io',
  separator = ',',
): void {
  const scopes = ['full', 'some'].filter((scope) => layout.indexOf(`pressure.${resource}.${scope}.total`) >= 0);
  if (scopes.length === 0) return;
  for (const [index, scope] of scopes.entries()) {
    const field = `pressure.${resource}.${scope}`;
    b.text(`${index === 0 ? `${separator}"psi":{` : ','}"${scope}":{"total":`).integer(
      layout.indexOf(`${field}.total`),
    );
    for (const average of PRESSURE_AVERAGES) b.text(`,"${average}":`).float(layout.indexOf(`${field}.${average}`));
    b.text('}');
  }
  b.text('}');
}
