import { definePlugin, type FieldDescriptor, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { type Cell, networkProcess, PartsProbe, TablePart } from '../common/index.js';
import { advTcpFields } from './fields.js';

const PAIR = /^(\w+):(.*)\n\1:(.*)$/gm;
const INTEGER = /^-?\d+$/;

/**
 * The numbers of a file of line pairs, names above values: `Tcp: InSegs OutSegs` over `Tcp: 10 11`.
 * @param group the pairs' first word, `Tcp`; pairs of other groups have no columns
 */
export function findPairCells(text: string, group: string, fields: ReadonlyMap<string, FieldDescriptor>): Cell[] {
  return Array.from(text.matchAll(PAIR)).flatMap((match) => {
    const [pair, name, keys, values] = match;
    const names = keys!.trim().split(/\s+/);
    const from = match.index + pair.length - values!.length;
    return Array.from(values!.matchAll(/\S+/g), (value, i): Cell => {
      const at = from + value.index;
      const field = name === group && INTEGER.test(value[0]) ? fields.get(names[i] ?? '') : undefined;
      return field === undefined ? { at } : { at, column: { field } };
    });
  });
}

export default definePlugin({
  kind: 'metric-source',
  name: 'advtcp',
  apiVersion: PLUGIN_API_VERSION,
  description: 'The kernel’s detailed TCP counters for each container.',
  create: (context) => ({
    fields: [...advTcpFields.snmp.values(), ...advTcpFields.netstat.values()],
    part: 'network',
    attach(target) {
      const process = networkProcess(target, context);
      if ('absent' in process) return process;
      const tables = [
        new TablePart(process.file('net/snmp'), (text) => findPairCells(text, 'Tcp', advTcpFields.snmp)),
        new TablePart(process.file('net/netstat'), (text) => findPairCells(text, 'TcpExt', advTcpFields.netstat)),
      ].filter((table) => table.prepare());
      if (tables.length === 0) return { absent: `/proc/${process.pid}/net/snmp cannot be read` };
      return new PartsProbe(tables, { beforeSample: () => process.alive() });
    },
  }),
});
