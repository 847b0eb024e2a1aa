import type { FieldDescriptor, Unit } from '../../../kernel/contracts/index.js';

const field = (name: string, unit: Unit, help: string, place: string): FieldDescriptor => ({
  name: `network.${name}`,
  unit,
  kind: 'counter',
  help,
  source: { any: `/proc/<pid>/net/dev: ${place}` },
  dimensions: ['interface'],
});

/** Fields of the `network` source, each with the place of its number among the 16 of a line of `/proc/net/dev`. */
export const networkFields: readonly { readonly place: number; readonly field: FieldDescriptor }[] = [
  { place: 0, field: field('rx_bytes', 'bytes', 'Bytes received by the interface.', 'receive bytes') },
  { place: 1, field: field('rx_packets', 'packets', 'Packets received by the interface.', 'receive packets') },
  { place: 2, field: field('rx_errors', 'packets', 'Packets that arrived damaged.', 'receive errs') },
  { place: 3, field: field('rx_dropped', 'packets', 'Arrived packets that were thrown away.', 'receive drop') },
  { place: 8, field: field('tx_bytes', 'bytes', 'Bytes sent by the interface.', 'transmit bytes') },
  { place: 9, field: field('tx_packets', 'packets', 'Packets sent by the interface.', 'transmit packets') },
  { place: 10, field: field('tx_errors', 'packets', 'Packets that could not be sent.', 'transmit errs') },
  { place: 11, field: field('tx_dropped', 'packets', 'Packets thrown away instead of sent.', 'transmit drop') },
];
