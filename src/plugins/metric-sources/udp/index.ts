import type { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import { definePlugin, type FieldDescriptor, PLUGIN_API_VERSION, type Unit } from '../../../kernel/contracts/index.js';
import { createFamilySource } from '../common/index.js';

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

/** Fields of the `udp` source. `Dropped` is a gauge: the drops of a closed socket leave the sum. */
export const udpFields = { udp: fieldsOf('udp', 'IPv4'), udp6: fieldsOf('udp6', 'IPv6') };

const COLON = 0x3a;
const NEWLINE = 0x0a;
const WORDS_TO_QUEUES = 4;
const WORDS_TO_DROPS = 7;

/** Index of each sum, in the order of the fields. */
const [LISTEN, DROPPED, RX_QUEUED, TX_QUEUED] = [0, 1, 2, 3] as const;

/** Sums up the sockets of `/proc/net/udp`. A malformed line counts as a socket without numbers. */
export function addUpSockets(scanner: ByteScanner, sums: Float64Array): void {
  sums.fill(0);
  while (scanner.nextLine()) {
    scanner.skipSpaces();
    if (scanner.peek() === NEWLINE || scanner.peek() < 0) continue;
    sums[LISTEN] = sums[LISTEN]! + 1;
    addSocket(scanner, sums);
  }
}

/** `sl local remote st tx_queue:rx_queue tr:when retrnsmt uid timeout inode ref pointer drops` */
function addSocket(scanner: ByteScanner, sums: Float64Array): void {
  if (!scanner.skipWords(WORDS_TO_QUEUES)) return;
  scanner.skipSpaces();
  if (!scanner.hex() || scanner.peek() !== COLON) return;
  const txQueued = scanner.value;
  scanner.position++;
  if (!scanner.hex()) return;
  const rxQueued = scanner.value;
  if (scanner.skipWord() > 0 || !scanner.skipWords(WORDS_TO_DROPS)) return;
  scanner.skipSpaces();
  if (!scanner.integer()) return;
  const dropped = scanner.value;
  scanner.skipSpaces();
  if (scanner.peek() !== NEWLINE && scanner.peek() >= 0) return;
  sums[DROPPED] = sums[DROPPED]! + dropped;
  sums[RX_QUEUED] = sums[RX_QUEUED]! + rxQueued;
  sums[TX_QUEUED] = sums[TX_QUEUED]! + txQueued;
}

export default definePlugin({
  kind: 'metric-source',
  name: 'udp',
  apiVersion: PLUGIN_API_VERSION,
  description: 'UDP sockets of each container, their queues and drops.',
  create(context) {
    const families = [
      { file: 'udp', fields: udpFields.udp },
      { file: 'udp6', fields: udpFields.udp6 },
    ];
    return createFamilySource(context, families, addUpSockets);
  },
});
