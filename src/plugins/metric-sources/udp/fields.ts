import type { FieldDescriptor, Unit } from '../../../kernel/contracts/index.js';

const fieldsOf = (family: 'udp' | 'udp6', version: string): readonly FieldDescriptor[] => {
  const field = (
    name: string,
    unit: Unit,
    kind: 'gauge' | 'counter',
    help: string,
    place: string,
  ): FieldDescriptor => ({
    name: `${family}.${name}`,
    unit,
    kind,
    help: `UDP over ${version}: ${help}.`,
    source: { any: `/proc/<pid>/net/${family}: ${place}` },
  });
  return [
    field('Listen', 'count', 'gauge', 'open sockets', 'number of lines'),
    field('Dropped', 'packets', 'gauge', 'packets that the open sockets have thrown away', 'drops, summed'),
    field('RxQueued', 'bytes', 'gauge', 'memory of received packets that no program has read yet', 'rx_queue, summed'),
    field('TxQueued', 'bytes', 'gauge', 'memory of packets that wait to be sent', 'tx_queue, summed'),
  ];
};

/** Fields of the `udp` source. `Dropped` is a gauge: what a closed socket dropped leaves the sum. */
export const udpFields = { udp: fieldsOf('udp', 'IPv4'), udp6: fieldsOf('udp6', 'IPv6') };
