import { readdirSync, statSync } from 'node:fs';
import { memoryUsage, readText } from '../../../kernel/contracts/index.js';
import type { ExpositionBuffer } from './exposition-buffer.js';

const SELF = '/proc/self';

/** Writes the `process_*` metrics that Prometheus clients of every language have, about the agent's own process. */
export function writeProcess(buffer: ExpositionBuffer, startedAt: number): void {
  const { user, system } = process.cpuUsage();
  const limits = readText(`${SELF}/limits`) ?? '';
  const gauge = (name: string, help: string, value: number | undefined): void => {
    if (value !== undefined) buffer.plain(`process_${name}`, 'gauge', help, value);
  };
  buffer.plain('process_cpu_seconds_total', 'counter', 'CPU time that the agent consumed.', (user + system) / 1e6);
  gauge('resident_memory_bytes', 'Memory of the agent that is resident.', memoryUsage()?.rss);
  gauge('virtual_memory_bytes', 'Address space of the agent.', kilobytes(readText(`${SELF}/status`) ?? '', 'VmSize'));
  gauge('virtual_memory_max_bytes', 'Limit of the address space; -1: none.', limitOf(limits, 'Max address space'));
  gauge('open_fds', 'Files that the agent has open.', openFiles());
  gauge('max_fds', 'Files that the agent may have open; -1: no limit.', limitOf(limits, 'Max open files'));
  gauge('start_time_seconds', 'When the agent started, seconds since the epoch.', startedAt / 1e6);
}

/** Linux 6.2 gives the number as the size of the directory; before, all entries have to be listed. */
function openFiles(): number | undefined {
  try {
    const { size } = statSync(`${SELF}/fd`);
    return size > 0 ? size : readdirSync(`${SELF}/fd`).length;
  } catch {
    return undefined;
  }
}

function kilobytes(status: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}

function limitOf(limits: string, name: string): number | undefined {
  const found = new RegExp(`^${name}\\s+(\\d+|unlimited)`, 'm').exec(limits)?.[1];
  if (found === undefined) return undefined;
  return found === 'unlimited' ? -1 : Number(found);
}
