import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Clock,
  type Column,
  definePlugin,
  type LinuxHost,
  PLUGIN_API_VERSION,
} from '../../../kernel/contracts/index.js';
import {
  type Cell,
  type CellFinder,
  counter,
  PartsProbe,
  TablePart,
  TableShapes,
  withoutController,
} from '../common/index.js';

export const fields = {
  perCpu: counter('cpu.usage.per_cpu', 'nanoseconds', {
    help: 'CPU time consumed by the container and everything below it, by logical CPU.',
    source: { v1: 'cpuacct.usage_percpu' },
    dimensions: ['cpu'],
  }),
};

const CACHE_MS = 60_000;

/**
 * One more than the highest CPU of a kernel list such as `0-3,8`; infinite when the list is malformed.
 */
export function cpusIn(list: string): number {
  const last = /(\d+)\s*$/.exec(list)?.[1];
  return last === undefined ? Number.POSITIVE_INFINITY : Number(last) + 1;
}

/**
 * `cpuacct.usage_percpu` has all possible CPUs, which on some virtual machines are hundreds more than the present
 * ones.
 */
function presentCpus(host: LinuxHost): number {
  try {
    return cpusIn(readFileSync(join(host.paths.sys, 'devices/system/cpu/present'), 'latin1'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** CPUs may be hot-plugged, so the list is read again, but not for each of a thousand containers. */
function presentCpusCached(host: LinuxHost, clock: Clock): () => number {
  let readAt = Number.NEGATIVE_INFINITY;
  let cpus = 0;
  return () => {
    if (clock.monotonic() - readAt > CACHE_MS) {
      cpus = presentCpus(host);
      readAt = clock.monotonic();
    }
    return cpus;
  };
}

/** Numbers of `cpuacct.usage_percpu`, one per CPU in order. */
export function findCpuCells(text: string, cpus: number): Cell[] {
  return Array.from(text.matchAll(/\d+/g), (match, cpu) =>
    cpu < cpus ? { at: match.index, column: columnOf(cpu) } : { at: match.index },
  );
}

function columnOf(cpu: number): Column {
  return { field: fields.perCpu, labels: [String(cpu)] };
}

export default definePlugin({
  kind: 'metric-source',
  name: 'percpu',
  apiVersion: PLUGIN_API_VERSION,
  description: 'CPU time of each container by logical CPU (cgroup v1 only).',
  create({ linux: host, clock }) {
    const cpusNow = presentCpusCached(host, clock);
    let cpus = -1;
    let findCells: CellFinder = () => [];
    let shapes = new TableShapes(true);
    return {
      fields: Object.values(fields),
      part: 'cpu',
      attach(target) {
        if (target.cgroup.version === 2) return { absent: 'cgroup v2 does not count CPU time per CPU', expected: true };
        const file = target.cgroup.file('cpuacct', 'cpuacct.usage_percpu');
        if (file === undefined) return withoutController(target, 'cpuacct');
        if (cpus !== cpusNow()) {
          const present = cpusNow();
          cpus = present;
          findCells = (text) => findCpuCells(text, present);
          shapes = new TableShapes(true);
        }
        const table = new TablePart(file, findCells, shapes);
        table.prepare();
        return new PartsProbe([table], { skipWhenIdle: true, standsWhenIdle: true });
      },
    };
  },
});
