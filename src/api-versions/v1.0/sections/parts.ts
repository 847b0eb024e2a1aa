import type { Layout } from '../../../kernel/contracts/index.js';
import { compareBytes } from '../json.js';
import { labelledColumn, labelOf, type Member, membersOf, NO_COLUMNS, type RowPrinterBuilder } from '../row-printer.js';
import {
  CFS_KEYS,
  FAULTS,
  INTERFACE_COUNTERS,
  IO_TABLES,
  LOAD_KEYS,
  MEMORY_EVENTS,
  MEMORY_KEYS,
  PAGE_KINDS,
  PRESSURE_AVERAGES,
  PROCESS_KEYS,
  SCHEDSTAT_KEYS,
  TASKS,
  TCP_ADVANCED,
  TCP_STATES,
  UDP_NUMBERS,
} from './keys.js';

export function cpu(b: RowPrinterBuilder, layout: Layout): void {
  b.text('{"usage":{"total":').integer(layout.indexOf('cpu.usage.total'));
  const perCpu = layout.indexesOf('cpu.usage.per_cpu');
  if (perCpu.length > 0) b.text(',"per_cpu_usage":[').list(perCpu, (column) => b.integer(column));
  b.text(perCpu.length > 0 ? '],' : ',').members(layout, membersOf('cpu.usage.', ['user', 'system']));
  b.text('},"cfs":{').members(layout, membersOf('cpu.cfs.', CFS_KEYS));
  b.text('},"schedstat":{').members(layout, membersOf('cpu.schedstat.', SCHEDSTAT_KEYS));
  b.text('},').members(layout, membersOf('cpu.', LOAD_KEYS));
  pressure(b, layout, 'cpu');
  b.text('}');
}

/** `,"psi":{…}`: the pressure stall numbers of a resource. */
function pressure(b: RowPrinterBuilder, layout: Layout, resource: 'cpu' | 'memory' | 'io', separator = ','): void {
  b.text(`${separator}"psi":{`).list(['full', 'some'], (scope) => {
    const field = `pressure.${resource}.${scope}`;
    b.text(`"${scope}":{"total":`).integer(layout.indexOf(`${field}.total`));
    for (const average of PRESSURE_AVERAGES) b.text(`,"${average}":`).float(layout.indexOf(`${field}.${average}`));
    b.text('}');
  });
  b.text('}');
}

/** The `diskio` object of a sample: tables of devices and operations, without those the layout lacks. */
export function diskIo(b: RowPrinterBuilder, layout: Layout): void {
  const tables = IO_TABLES.filter((table) => layout.indexOf(`diskio.${table}`) >= 0);
  b.text('{').list(tables, (table) => {
    b.text(`"${table}":[`);
    devices(b, layout, layout.indexesOf(`diskio.${table}`));
    b.text(']');
  });
  pressure(b, layout, 'io', tables.length > 0 ? ',' : '');
  b.text('}');
}

function devices(b: RowPrinterBuilder, layout: Layout, columns: readonly number[]): void {
  const byNumbers = new Map<string, number[]>();
  for (const column of columns) {
    const [major, minor] = layout.columns[column]!.labels ?? [];
    const known = byNumbers.get(`${major}:${minor}`);
    if (known === undefined) byNumbers.set(`${major}:${minor}`, [column]);
    else known.push(column);
  }
  b.list(byNumbers.values(), (operations) => {
    const [major = '0', minor = '0', device = ''] = layout.columns[operations[0]!]!.labels ?? [];
    b.text('{"device":').string(device);
    b.text(`,"major":${Number(major)},"minor":${Number(minor)},"stats":{`);
    const sorted = operations
      .map((column) => ({ column, operation: layout.columns[column]!.labels?.[3] ?? 'Count' }))
      .sort((a, z) => compareBytes(a.operation, z.operation));
    b.list(sorted, ({ column, operation }) => b.string(operation).text(':').integer(column)).text('}}');
  });
}

const SCOPES: readonly (readonly [key: string, scope: string])[] = [
  ['container_data', 'container'],
  ['hierarchical_data', 'hierarchical'],
];

export function memory(b: RowPrinterBuilder, layout: Layout): void {
  b.text('{').members(layout, membersOf('memory.', MEMORY_KEYS));
  for (const [key, scope] of SCOPES) {
    b.text(`,"${key}":{`).members(layout, membersOf(`memory.${scope}.`, FAULTS));
    numaPages(b, layout, `memory.numa.${scope}`);
    b.text('}');
  }
  pressure(b, layout, 'memory');
  b.text(',"events":{').members(layout, membersOf('memory.events.', MEMORY_EVENTS)).text('}}');
}

/** `,"numa_stats":{…}`: pages of each node by kind, as far as the layout has them. */
function numaPages(b: RowPrinterBuilder, layout: Layout, field: string): void {
  const kinds = PAGE_KINDS.filter((kind) => layout.indexOf(`${field}.${kind}`) >= 0);
  b.text(',"numa_stats":{').list(kinds, (kind) => {
    const nodes = layout.indexesOf(`${field}.${kind}`);
    b.text(`"${kind}":{`).list(nodes, (column) => b.string(labelOf(layout, column)).text(':').integer(column));
    b.text('}');
  });
  b.text('}');
}

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

/** Whether processes are collected; otherwise no zeros are printed. */
export function hasProcesses(layout: Layout): boolean {
  return layout.columns.some(({ field }) => field.name.startsWith('processes.'));
}

export function processes(b: RowPrinterBuilder, layout: Layout): void {
  b.text('{').members(layout, membersOf('processes.', PROCESS_KEYS));
  for (const key of ['threads_current', 'threads_max']) {
    const column = layout.indexOf(`processes.${key}`);
    b.ifPositive(column, () => b.text(`,"${key}":`).integer(column));
  }
  const soft = layout.indexesOf('processes.ulimit.soft');
  const hard = layout.indexesOf('processes.ulimit.hard');
  b.ifPresent(soft[0] ?? -1, () => {
    b.text(',"ulimits":[').list(soft.entries(), ([index, column]) => {
      b.text('{"name":').string(labelOf(layout, column));
      b.text(',"soft_limit":').integer(column);
      b.text(',"hard_limit":').integer(hard[index] ?? -1);
      b.text('}');
    });
    b.text(']');
  });
  b.text('}');
}

/** The `task_stats` object of a sample (`load_stats` in v2). */
export function taskStates(b: RowPrinterBuilder, layout: Layout): void {
  b.text('{').members(layout, TASKS).text('}');
}

/** The lists of `resctrl`, one element per memory controller or cache. */
const RESCTRL: readonly (readonly [key: string, members: readonly [Member, ...Member[]]])[] = [
  [
    'memory_bandwidth',
    [
      ['mbm_total_bytes', 'resctrl.memory_bandwidth.total'],
      ['mbm_local_bytes', 'resctrl.memory_bandwidth.local'],
    ],
  ],
  ['cache', [['llc_occupancy', 'resctrl.llc_occupancy']]],
];

/** `,"hugetlb":{…}`: huge pages by page size, when the layout has them. */
export function hugetlb(b: RowPrinterBuilder, layout: Layout): void {
  const sizes = layout.indexesOf('hugetlb.usage').map((column) => labelOf(layout, column));
  if (sizes.length === 0) return;
  b.text(',"hugetlb":{').list(sizes.sort(compareBytes), (size) => {
    b.string(size).text(':{');
    for (const name of ['usage', 'max_usage']) {
      const column = labelledColumn(layout, `hugetlb.${name}`, size);
      b.ifPositive(column, () => b.text(`"${name}":`).integer(column).text(','));
    }
    b.text('"failcnt":')
      .integer(labelledColumn(layout, 'hugetlb.failcnt', size))
      .text('}');
  });
  b.text('}');
}

/** `,"referenced_memory":N` when it is above 0, and `,"resctrl":{…}` with what the layout has. */
export function referencedMemoryAndResctrl(b: RowPrinterBuilder, layout: Layout): void {
  const referenced = layout.indexOf('memory.referenced');
  b.ifPositive(referenced, () => b.text(',"referenced_memory":').integer(referenced));
  const parts = RESCTRL.filter(([, [[, field]]]) => layout.indexOf(field) >= 0);
  b.text(',"resctrl":{').list(parts, ([key, members]) => {
    b.text(`"${key}":[`).list(layout.indexesOf(members[0][1]).keys(), (place) => {
      b.text('{').list(members, ([name, field]) => b.text(`"${name}":`).integer(layout.indexesOf(field)[place] ?? -1));
      b.text('}');
    });
    b.text(']');
  });
  b.text('}');
}

/** `,"cpuset":{…}`, and `,"oom_events":N` when there were any (v1 only). */
export function cpusetAndOomEvents(b: RowPrinterBuilder, layout: Layout): void {
  b.text(',"cpuset":{"memory_migrate":').integer(layout.indexOf('cpuset.memory_migrate')).text('}');
  const kills = layout.indexOf('oom.kills');
  b.ifPositive(kills, () => b.text(',"oom_events":').integer(kills));
}
