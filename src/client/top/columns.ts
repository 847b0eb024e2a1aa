// The names that `/api/top` and its readers share. This file imports nothing: browsers load it too.

/** What is measured of each container, in the order of the answer. */
export const MEASURES = [
  'cpu',
  'throttled',
  'memory',
  'pressure_cpu',
  'pressure_memory',
  'pressure_io',
  'disk_read',
  'disk_write',
  'network_receive',
  'network_transmit',
] as const;

/** What is measured of one container: its working set is in `memory`, with the page cache in `memory_usage`. */
export const DETAIL_MEASURES = [...MEASURES, 'memory_usage'] as const;
export type DetailMeasure = (typeof DETAIL_MEASURES)[number];

/** The columns of a row of `/api/top`. */
export const COLUMNS = ['id', 'age', ...MEASURES, 'cpu_limit', 'memory_limit', 'processes'] as const;

export type ColumnName = (typeof COLUMNS)[number];

/** The most containers whose history or whole row one request can ask for. */
export const MAX_IDS = 200;

/** A metric of the application in a container over time, as `/api/top/…` answers it. */
export interface AppSeriesNumbers {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly unit: string;
  /** Whether it only grows. */
  readonly cumulative: boolean;
  /** µs since the epoch */
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
}
