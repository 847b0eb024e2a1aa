import { column, type FakeSample } from './samples.js';

/** JSON of a recording: integers beyond 2^53 were read as BigInt. */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

type Cells = [ReturnType<typeof column>, number | bigint][];

/** Turns a recorded sample (v1, v2.0, v2.1 or MachineStats) back into the row that would print like it. */
export function sampleFromJson(sample: JsonObject): FakeSample {
  const cells: Cells = [];
  const part = (key: string): JsonObject => (sample[key] as JsonObject | undefined) ?? {};
  if (sample.cpu !== undefined) cpu(cells, part('cpu'));
  if (sample.memory !== undefined) memory(cells, part('memory'));
  diskIo(cells, part('diskio'));
  network(cells, part('network'));
  if (Array.isArray(sample.filesystem))
    for (const element of sample.filesystem) filesystem(cells, element as JsonObject);
  else if (sample.filesystem !== undefined) onlyFilesystem(cells, part('filesystem'));
  numbers(cells, 'tasks.', part('task_stats'), (key) => key.slice('nr_'.length));
  processes(cells, part('processes'));
  hugetlb(cells, part('hugetlb'));
  numbers(cells, 'cpuset.', part('cpuset'));
  if (sample.referenced_memory !== undefined) {
    cells.push([column('memory.referenced'), sample.referenced_memory as number]);
  }
  return { time: microseconds(sample.timestamp as string), cells };
}

/** µs since the epoch of a recorded time. */
export function microseconds(time: string): number {
  const [, seconds, fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(time)!;
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

/** Nanoseconds beyond them. */
export function extraNanoseconds(time: string): number {
  return Number((/\.(\d+)Z$/.exec(time)?.[1] ?? '').padEnd(9, '0').slice(6, 9));
}

function numbers(cells: Cells, prefix: string, object: JsonObject, name: (key: string) => string = (key) => key): void {
  for (const [key, value] of Object.entries(object)) {
    if (typeof value === 'number' || typeof value === 'bigint') cells.push([column(prefix + name(key)), value]);
  }
}

function cpu(cells: Cells, object: JsonObject): void {
  const usage = object.usage as JsonObject;
  numbers(cells, 'cpu.usage.', usage);
  for (const [index, value] of ((usage.per_cpu_usage as number[] | undefined) ?? []).entries()) {
    cells.push([column('cpu.usage.per_cpu', [String(index)]), value]);
  }
  numbers(cells, 'cpu.cfs.', object.cfs as JsonObject);
  numbers(cells, 'cpu.schedstat.', object.schedstat as JsonObject);
  numbers(cells, 'cpu.', object);
  pressure(cells, 'cpu', object);
}

function memory(cells: Cells, object: JsonObject): void {
  numbers(cells, 'memory.', object);
  numbers(cells, 'memory.container.', object.container_data as JsonObject);
  numbers(cells, 'memory.hierarchical.', object.hierarchical_data as JsonObject);
  numbers(cells, 'memory.events.', (object.events as JsonObject | undefined) ?? {});
  pressure(cells, 'memory', object);
  for (const scope of ['container', 'hierarchical']) {
    const kinds = ((object[`${scope}_data`] as JsonObject).numa_stats as JsonObject | undefined) ?? {};
    for (const [kind, nodes] of Object.entries(kinds)) {
      for (const [node, pages] of Object.entries(nodes as JsonObject)) {
        cells.push([column(`memory.numa.${scope}.${kind}`, [node]), pages as number]);
      }
    }
  }
}

function pressure(cells: Cells, resource: string, { psi }: JsonObject): void {
  for (const [scope, stalls] of Object.entries((psi as JsonObject | undefined) ?? {})) {
    numbers(cells, `pressure.${resource}.${scope}.`, stalls as JsonObject);
  }
}

function hugetlb(cells: Cells, object: JsonObject): void {
  for (const [size, pages] of Object.entries(object)) {
    for (const name of ['usage', 'max_usage', 'failcnt']) {
      cells.push([column(`hugetlb.${name}`, [size]), ((pages as JsonObject)[name] as number | undefined) ?? 0]);
    }
  }
}

function diskIo(cells: Cells, { psi, ...tables }: JsonObject): void {
  pressure(cells, 'io', { psi: psi ?? {} });
  for (const [table, devices] of Object.entries(tables)) {
    for (const { device, major, minor, stats } of devices as JsonObject[]) {
      for (const [operation, value] of Object.entries(stats as JsonObject)) {
        const labels = [String(major), String(minor), device as string, operation];
        cells.push([column(`diskio.${table}`, labels), value as number]);
      }
    }
  }
}

function network(cells: Cells, object: JsonObject): void {
  for (const { name, ...counters } of (object.interfaces as JsonObject[] | undefined) ?? []) {
    for (const [counter, value] of Object.entries(counters)) {
      cells.push([column(`network.${counter}`, [name as string]), value as number]);
    }
  }
  for (const table of ['tcp', 'tcp6', 'udp', 'udp6', 'tcp_advanced']) {
    numbers(cells, `${table}.`, (object[table] as JsonObject | undefined) ?? {});
  }
}

function filesystem(cells: Cells, element: JsonObject): void {
  const { device = '', type, has_inodes, inline, ...rest } = element;
  const hasInodes = inline === undefined ? has_inodes === true : rest.inodes_free !== undefined;
  const counters = Object.entries((inline as JsonObject | undefined) ?? {}).map(([key, value]): [string, Json] =>
    key.endsWith('_duration') ? [key.replace('_duration', '_time'), (value as number) / 1e6] : [key, value],
  );
  for (const [key, value] of [...Object.entries(rest), ...counters]) {
    if (key === 'inodes_free' && !hasInodes) continue;
    cells.push([column(`filesystem.${key}`, [device as string], { type: type as string }), value as number]);
  }
}

function onlyFilesystem(cells: Cells, object: JsonObject): void {
  const names = { totalUsageBytes: 'usage', baseUsageBytes: 'base_usage', containter_inode_usage: 'inodes' };
  for (const [key, name] of Object.entries(names)) {
    cells.push([column(`filesystem.${name}`, ['/dev/recorded'], { type: 'vfs' }), object[key] as number]);
  }
}

function processes(cells: Cells, object: JsonObject): void {
  numbers(cells, 'processes.', object);
  for (const { name, soft_limit, hard_limit } of (object.ulimits as JsonObject[] | undefined) ?? []) {
    cells.push([column('processes.ulimit.soft', [name as string]), soft_limit as number]);
    cells.push([column('processes.ulimit.hard', [name as string]), hard_limit as number]);
  }
}
