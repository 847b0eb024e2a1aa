import { DETAIL_MEASURES } from '../../../../client/top/columns.js';
import { byteRate, bytes, cores, percent, UNKNOWN } from './units.js';

/** What is drawn of a container, by the names of the answers of `/api/top/…`. */
export const SERIES = [...DETAIL_MEASURES, 'processes', 'cpu_max', 'memory_max'] as const;
export type SeriesName = (typeof SERIES)[number];

export interface ChartSeries {
  readonly label: string;
  readonly name: SeriesName;
}

export interface ChartKind {
  readonly id: string;
  readonly title: string;
  readonly series: readonly ChartSeries[];
  /** What there is of the last hour and day. */
  readonly minuteSeries?: readonly ChartSeries[];
  readonly format: (value: number) => string;
  /** The top is never below this: a line of nearly nothing shall not look like a storm. */
  readonly leastTop: number;
  readonly limit?: keyof Limits;
  /** Round numbers are powers of two. */
  readonly isBinary?: true;
  /** Not of the machine. */
  readonly isOfContainers?: true;
}

/** What a container may use; absent: as much as there is. */
export interface Limits {
  /** CPUs, by its quota. */
  readonly cores?: number;
  /** bytes */
  readonly memory?: number;
}

const shareText = (share: number): string => percent(share * 100);
const countText = (value: number): string => (Number.isFinite(value) ? String(Math.round(value)) : UNKNOWN);

/** Every chart there is; a container has those that it has numbers for. */
export const CHARTS: readonly ChartKind[] = [
  {
    id: 'cpu',
    title: 'CPU',
    series: [{ label: 'used', name: 'cpu' }],
    minuteSeries: [
      { label: 'mean of the minute', name: 'cpu' },
      { label: 'peak', name: 'cpu_max' },
    ],
    format: cores,
    leastTop: 0.1,
    limit: 'cores',
  },
  {
    id: 'memory',
    title: 'Memory',
    series: [
      { label: 'working set', name: 'memory' },
      { label: 'with cache', name: 'memory_usage' },
    ],
    minuteSeries: [
      { label: 'mean of the minute', name: 'memory' },
      { label: 'peak', name: 'memory_max' },
    ],
    format: bytes,
    isBinary: true,
    leastTop: 1024,
    limit: 'memory',
  },
  {
    id: 'disk',
    title: 'Disk I/O',
    series: [
      { label: 'read', name: 'disk_read' },
      { label: 'written', name: 'disk_write' },
    ],
    format: byteRate,
    isBinary: true,
    leastTop: 1024,
  },
  {
    id: 'network',
    title: 'Network',
    series: [
      { label: 'received', name: 'network_receive' },
      { label: 'sent', name: 'network_transmit' },
    ],
    format: byteRate,
    isBinary: true,
    leastTop: 1024,
  },
  {
    id: 'pressure',
    title: 'Pressure',
    series: [
      { label: 'CPU', name: 'pressure_cpu' },
      { label: 'memory', name: 'pressure_memory' },
      { label: 'I/O', name: 'pressure_io' },
    ],
    format: percent,
    leastTop: 10,
  },
  {
    id: 'throttled',
    title: 'Throttling',
    series: [{ label: 'throttled periods', name: 'throttled' }],
    format: shareText,
    isOfContainers: true,
    leastTop: 0.1,
  },
  {
    id: 'processes',
    title: 'Processes',
    series: [{ label: 'processes', name: 'processes' }],
    format: countText,
    isOfContainers: true,
    leastTop: 4,
  },
];

/** What the upper edge of a chart stands for. @param highest of all its lines */
export function topOf(leastTop: number, highest: number, limit: number | undefined): number {
  // A limit far above the use would press the line flat.
  const isNear = limit !== undefined && limit <= highest * 4;
  return Math.max(highest * 1.08, isNear ? limit * 1.08 : 0, leastTop);
}
