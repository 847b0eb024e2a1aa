import type { Layout } from '../../../kernel/contracts/index.js';
import { labelledColumn, labelOf, membersOf, NO_COLUMNS, type RowPrinterBuilder } from '../row-printer.js';
import { INTERFACE_COUNTERS, TCP_ADVANCED, TCP_STATES, UDP_NUMBERS } from './keys.js';

/** Numbers of sockets and of the protocol by the name of their object. */
const TABLES: readonly (readonly [table: string, keys: readonly string[]])[] = [
  ['tcp', TCP_STATES],
  ['tcp6', TCP_STATES],
  ['udp', UDP_NUMBERS],
  ['udp6', UDP_NUMBERS],
  ['tcp_advanced', TCP_ADVANCED],
];

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
  // Without a network there are no interfaces; a network may have none.
  if (layout !== NO_COLUMNS) {
    b.text('"interfaces":[').list(layout.indexesOf('network.rx_bytes'), (column) => {
      b.text('{');
      interfaceMembers(b, layout, column);
      b.text('}');
    });
    b.text('],');
  }
  b.list(TABLES, ([table, keys]) =>
    b
      .text(`"${table}":{`)
      .members(layout, membersOf(`${table}.`, keys))
      .text('}'),
  );
}

/** The counters of the interface whose `rx_bytes` stand in the column; zeros without one. */
function interfaceMembers(b: RowPrinterBuilder, layout: Layout, received: number | undefined): void {
  const name = received === undefined ? '' : labelOf(layout, received);
  b.text('"name":').string(name);
  for (const counter of INTERFACE_COUNTERS) {
    b.text(`,"${counter}":`).integer(labelledColumn(layout, `network.${counter}`, name));
  }
}
