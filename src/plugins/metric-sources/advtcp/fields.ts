import type { FieldDescriptor } from '../../../kernel/contracts/index.js';
import { NETSTAT_KEYS, SNMP_KEYS } from './keys.js';

const fieldsOf = (keys: typeof SNMP_KEYS, place: string): ReadonlyMap<string, FieldDescriptor> =>
  new Map(
    keys.map(([key, meaning, unit = 'count', kind = 'counter']) => [
      key,
      { name: `tcp_advanced.${key}`, unit, kind, help: `TCP: ${meaning}.`, source: { any: `${place} ${key}` } },
    ]),
  );

/** Fields of the `advtcp` source by the kernel's name. */
export const advTcpFields = {
  snmp: fieldsOf(SNMP_KEYS, '/proc/<pid>/net/snmp: Tcp:'),
  netstat: fieldsOf(NETSTAT_KEYS, '/proc/<pid>/net/netstat: TcpExt:'),
};
