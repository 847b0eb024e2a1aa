import type { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import { definePlugin, type FieldDescriptor, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { createFamilySource } from '../common/index.js';

/** States by their code in `/proc/net/tcp`; code 1 is the first. */
const STATES = [
  ['Established', 'connections that are open'],
  ['SynSent', 'connections that are being opened from here'],
  ['SynRecv', 'connections that are being opened from the other side'],
  ['FinWait1', 'connections closed from here, not yet acknowledged'],
  ['FinWait2', 'connections closed from here, which the other side has not closed yet'],
  ['TimeWait', 'closed connections that are remembered for late packets'],
  ['Close', 'sockets that are not connected'],
  ['CloseWait', 'connections closed by the other side, which the program here has not closed yet'],
  ['LastAck', 'connections closed by both sides, the last acknowledgement outstanding'],
  ['Listen', 'sockets that wait for connections'],
  ['Closing', 'connections closed by both sides at once, acknowledgement outstanding'],
] as const;

const fieldsOf = (family: 'tcp' | 'tcp6', version: string): readonly FieldDescriptor[] =>
  STATES.map(([state, meaning]) => ({
    name: `${family}.${state}`,
    unit: 'count',
    kind: 'gauge',
    help: `TCP over ${version}: ${meaning}.`,
    source: { any: `/proc/<pid>/net/${family}: lines by state` },
  }));

/** Fields of the `tcp` source, in the order of the state codes. */
export const tcpFields = { tcp: fieldsOf('tcp', 'IPv4'), tcp6: fieldsOf('tcp6', 'IPv6') };

const STATE_DIGITS = 2;

/**
 * Counts the lines of `/proc/net/tcp` by the state in their fourth word. Lines without a known state, such as the
 * heading, are skipped.
 * @param counts count of state code n at index n − 1; set to 0 first
 */
export function countStates(scanner: ByteScanner, counts: Float64Array): void {
  counts.fill(0);
  do {
    if (!scanner.skipWords(3)) continue;
    scanner.skipSpaces();
    const start = scanner.position;
    if (!scanner.hex() || scanner.position - start !== STATE_DIGITS) continue;
    const index = scanner.value - 1;
    if (scanner.skipWord() === 0 && index >= 0 && index < counts.length) counts[index] = counts[index]! + 1;
  } while (scanner.nextLine());
}

export default definePlugin({
  kind: 'metric-source',
  name: 'tcp',
  apiVersion: PLUGIN_API_VERSION,
  description: 'TCP sockets of each container by state.',
  create(context) {
    const families = [
      { file: 'tcp', fields: tcpFields.tcp },
      { file: 'tcp6', fields: tcpFields.tcp6 },
    ];
    return createFamilySource(context, families, countStates);
  },
});
