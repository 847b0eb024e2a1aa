import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

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
