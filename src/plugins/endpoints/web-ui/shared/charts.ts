import { DETAIL_MEASURES } from '../../../../client/top/columns.js';
import { type Html, html } from './html.js';
import { byteRate, bytes, cores, percent, UNKNOWN } from './units.js';

/** What is drawn of a container, by the names of the answers of `/api/top/…`. */
export const SERIES = [...DETAIL_MEASURES, 'processes', 'cpu_max', 'memory_max'] as const;
export type SeriesName = (typeof SERIES)[number];

/** What is drawn, by its label. */
export type ChartSeries = Readonly<Record<string, SeriesName>>;

export interface ChartKind {
  readonly id: string;
  readonly title: string;
  readonly series: ChartSeries;
  /** What there is of the last hour and day. */
  readonly minuteSeries?: ChartSeries;
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
    series: { used: 'cpu' },
    minuteSeries: { 'mean of the minute': 'cpu', peak: 'cpu_max' },
    format: cores,
    leastTop: 0.1,
    limit: 'cores',
  },
  {
    id: 'memory',
    title: 'Memory',
    series: { 'working set': 'memory', 'with cache': 'memory_usage' },
    minuteSeries: { 'mean of the minute': 'memory', peak: 'memory_max' },
    format: bytes,
    isBinary: true,
    leastTop: 1024,
    limit: 'memory',
  },
  {
    id: 'disk',
    title: 'Disk I/O',
    series: { read: 'disk_read', written: 'disk_write' },
    format: byteRate,
    isBinary: true,
    leastTop: 1024,
  },
  {
    id: 'network',
    title: 'Network',
    series: { received: 'network_receive', sent: 'network_transmit' },
    format: byteRate,
    isBinary: true,
    leastTop: 1024,
  },
  {
    id: 'pressure',
    title: 'Pressure',
    series: { CPU: 'pressure_cpu', memory: 'pressure_memory', 'I/O': 'pressure_io' },
    format: percent,
    leastTop: 10,
  },
  {
    id: 'throttled',
    title: 'Throttling',
    series: { 'throttled periods': 'throttled' },
    format: shareText,
    isOfContainers: true,
    leastTop: 0.1,
  },
  {
    id: 'processes',
    title: 'Processes',
    series: { processes: 'processes' },
    format: countText,
    isOfContainers: true,
    leastTop: 4,
  },
];

/** The legend of one series. @param text its newest number @param value the same, for scripts */
export function legendEntry(index: number, label: string, text = '', value?: number): Html {
  const data = value !== undefined && html` data-value="${value}"`;
  return html`<div class="series s${index}"><dt>${label}</dt><dd data-series="${index}"${data}>${text}</dd></div>`;
}

/** What the upper edge of a chart stands for. @param highest of all its lines */
export function topOf(leastTop: number, highest: number, limit: number | undefined): number {
  // A limit far above the use would press the line flat.
  const isNear = limit !== undefined && limit <= highest * 4;
  return Math.max(highest * 1.08, isNear ? limit * 1.08 : 0, leastTop);
}
