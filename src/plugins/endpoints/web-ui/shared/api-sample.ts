import type { Reading } from './reading.js';

interface Pressure {
  readonly some?: { readonly total: number; readonly avg10: number };
}

/** What pages use of a sample of `/api/v2.0/stats`. */
export interface ApiSample {
  readonly timestamp: string;
  readonly has_cpu: boolean;
  readonly cpu: {
    readonly usage: { readonly total: number };
    readonly cfs: { readonly periods: number; readonly throttled_periods: number };
    readonly psi?: Pressure;
  };
  readonly has_memory: boolean;
  readonly memory: { readonly usage: number; readonly working_set: number; readonly psi?: Pressure };
  readonly network: { readonly interfaces?: readonly { readonly rx_bytes: number; readonly tx_bytes: number }[] };
  readonly diskio: {
    readonly io_service_bytes?: readonly { readonly stats: Readonly<Record<string, number>> }[];
    readonly psi?: Pressure;
  };
}

/** The reading of a sample. Numbers beyond 2^53 are the nearest double, which no page shows a difference of. */
export function readingOf({ timestamp, has_cpu, cpu, has_memory, memory, network, diskio }: ApiSample): Reading {
  const known = (isThere: boolean, value: number): number => (isThere ? value : Number.NaN);
  const moved = (operation: string): number =>
    sum(diskio.io_service_bytes?.flatMap(({ stats }) => stats[operation] ?? []));
  return {
    time: timeOf(timestamp),
    cpu: known(has_cpu, cpu.usage.total),
    periods: known(has_cpu, cpu.cfs.periods),
    throttledPeriods: known(has_cpu, cpu.cfs.throttled_periods),
    memoryUsage: known(has_memory, memory.usage),
    workingSet: known(has_memory, memory.working_set),
    received: sum(network.interfaces?.map(({ rx_bytes }) => rx_bytes)),
    sent: sum(network.interfaces?.map(({ tx_bytes }) => tx_bytes)),
    read: moved('Read'),
    written: moved('Write'),
    cpuPressure: share(cpu.psi),
    memoryPressure: share(memory.psi),
    ioPressure: share(diskio.psi),
  };
}

/** ms since the epoch, with the microseconds that `Date.parse` leaves out. */
function timeOf(timestamp: string): number {
  const [fraction = ''] = /\.\d*/.exec(timestamp) ?? [];
  const micros = Number(fraction.slice(1).padEnd(6, '0').slice(0, 6));
  return (Date.parse(timestamp.replace(fraction, '')) * 1000 + micros) / 1000;
}

/** A total of 0 is what the API shows where nothing tells pressure. */
function share(pressure: Pressure | undefined): number {
  return pressure?.some?.total ? pressure.some.avg10 : Number.NaN;
}

/** @returns NaN for nothing */
export function sum(values: readonly number[] | undefined): number {
  return values === undefined || values.length === 0 ? Number.NaN : values.reduce((total, value) => total + value, 0);
}
