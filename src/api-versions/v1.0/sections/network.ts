import type { Layout } from '../../../kernel/contracts/index.js';
import { membersOf, NO_COLUMNS, type RowPrinterBuilder } from '../row-printer.js';
import { INTERFACE_COUNTERS, TCP_ADVANCED, TCP_STATES, UDP_NUMBERS } from './keys.js';

/** The `network` object of v1: the primary interface inline, then what v2 has. */
export function networkWithPrimary(b: RowPrinterBuilder, layout: Layout): void {
  const received = layout.indexesOf('network.rx_bytes');
  const primary = received.find((column) => layout.columns[column]!.attributes?.primary === 'true') ?? received[0];
  b.text('{');
  interfaceMembers(b, layout, primary);
  b.text(',');
  networkMembers(b, layout);
  b.text('}');
}

export function network(b: RowPrinterBuilder, layout: Layout): void {
  b.text('{');
  networkMembers(b, layout);
  b.text('}');
}

function networkMembers(b: RowPrinterBuilder, layout: Layout): void {
  const received = layout.indexesOf('network.rx_bytes');
  // Without a network there are no interfaces; a network may have none.
  if (layout !== NO_COLUMNS) b.text('"interfaces":[');
  for (const [index, column] of received.entries()) {
    b.text(index === 0 ? '{' : ',{');
    interfaceMembers(b, layout, column);
    b.text('}');
  }
  if (layout !== NO_COLUMNS) b.text('],');
  for (const [index, table] of ['tcp', 'tcp6'].entries()) {
    b.text(`${index === 0 ? '' : ','}"${table}":{`)
      .members(layout, membersOf(`${table}.`, TCP_STATES))
      .text('}');
  }
  for (const table of ['udp', 'udp6']) {
    b.text(`,"${table}":{`)
      .members(layout, membersOf(`${table}.`, UDP_NUMBERS))
      .text('}');
  }
  b.text(',"tcp_advanced":{').members(layout, membersOf('tcp_advanced.', TCP_ADVANCED)).text('}');
}

/** The counters of the interface whose `rx_bytes` stand in the column; zeros without one. */
function interfaceMembers(b: RowPrinterBuilder, layout: Layout, received: number | undefined): void {
  const name = received === undefined ? '' : (layout.columns[received]!.labels?.[0] ?? '');
  b.text('"name":').string(name);
  for (const counter of INTERFACE_COUNTERS) {
    const column = layout
      .indexesOf(`network.${counter}`)
      .find((candidate) => layout.columns[candidate]!.labels?.[0] === name);
    b.text(`,"${counter}":`).integer(column ?? -1);
  }
}
