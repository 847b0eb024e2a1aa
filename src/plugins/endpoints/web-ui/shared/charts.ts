import { type Limits, type Quantity, type Reading, rateOf, SPAN } from './reading.js';
import { byteRate, bytes, cores, percent } from './units.js';

/** A line of a chart. */
interface Series {
  readonly label: string;
  readonly quantity: Quantity;
  /** Growth per second in place of the number itself. */
  readonly isRate?: boolean;
  /** What the number is multiplied by before it is shown. */
  readonly factor?: number;
}

interface ChartKind {
  readonly id: string;
  readonly title: string;
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** The top is never below this: a line of nearly nothing shall not look like a storm. */
  readonly leastTop: number;
  /** Nor above this, if there is a most. */
  readonly mostTop?: number;
  /** Round numbers of this unit: 1024 for bytes. */
  readonly base: 1000 | 1024;
  readonly limit?: keyof Limits;
}

/** Every chart there is; a container has those that it has numbers for. */
export const CHARTS: readonly ChartKind[] = [
  {
    id: 'cpu',
    title: 'CPU',
    series: [{ label: 'used', quantity: 'cpu', isRate: true, factor: 1e-9 }],
    format: cores,
    leastTop: 0.1,
    base: 1000,
    limit: 'cores',
  },
  {
    id: 'memory',
    title: 'Memory',
    series: [
      { label: 'working set', quantity: 'workingSet' },
      { label: 'with page cache', quantity: 'memoryUsage' },
    ],
    format: bytes,
    leastTop: 1024,
    base: 1024,
    limit: 'memory',
  },
  {
    id: 'network',
    title: 'Network',
    series: [
      { label: 'received', quantity: 'received', isRate: true },
      { label: 'sent', quantity: 'sent', isRate: true },
    ],
    format: byteRate,
    leastTop: 1024,
    base: 1024,
  },
  {
    id: 'disk',
    title: 'Disk I/O',
    series: [
      { label: 'read', quantity: 'read', isRate: true },
      { label: 'written', quantity: 'written', isRate: true },
    ],
    format: byteRate,
    leastTop: 1024,
    base: 1024,
  },
  {
    id: 'pressure',
    title: 'Pressure: time spent waiting',
    series: [
      { label: 'for a CPU', quantity: 'cpuPressure' },
      { label: 'for memory', quantity: 'memoryPressure' },
      { label: 'for I/O', quantity: 'ioPressure' },
    ],
    format: percent,
    leastTop: 10,
    mostTop: 100,
    base: 1000,
  },
];

/** The drawing's size, in the units of its paths. */
export const WIDTH = 600;
export const HEIGHT = 120;

/** A chart of some readings: paths in a box of `WIDTH` × `HEIGHT`, numbers as text. */
export interface DrawnChart {
  readonly id: string;
  readonly title: string;
  readonly series: readonly {
    readonly label: string;
    /** The newest number, as text and as it is. */
    readonly text: string;
    readonly value: number;
    readonly line: string;
    readonly area: string;
  }[];
  /** What the upper edge stands for. */
  readonly top: string;
  readonly limit: { readonly text: string; readonly line: string } | undefined;
}

/** Draws a chart. @param readings oldest first; the newest is the right edge */
export function drawChart(kind: ChartKind, readings: readonly Reading[], limits: Limits): DrawnChart {
  const lines = kind.series.map((series) => valuesOf(series, readings));
  const highest = Math.max(0, ...lines.flat().filter(Number.isFinite));
  const limit = kind.limit === undefined ? undefined : limits[kind.limit];
  // A limit far above the use would press the line flat.
  const isNear = limit !== undefined && limit <= highest * 4;
  const wanted = Math.max(highest * 1.05, isNear ? limit * 1.05 : 0, kind.leastTop);
  const top = Math.max(highest, Math.min(roundTop(wanted, kind.base), kind.mostTop ?? Number.POSITIVE_INFINITY));
  const y = (value: number): number => HEIGHT - (value / top) * HEIGHT;
  const end = readings.at(-1)?.time ?? 0;
  const x = ({ time }: Reading): number => WIDTH - ((end - time) / SPAN) * WIDTH;
  return {
    id: kind.id,
    title: kind.title,
    series: kind.series.map(({ label }, index) => {
      const values = lines[index]!;
      const value = values.at(-1) ?? Number.NaN;
      const points = values.map((each, i): Point => ({ x: x(readings[i]!), y: y(each) }));
      return { label, value, text: kind.format(value), ...pathsOf(points) };
    }),
    top: kind.format(top),
    limit: limit === undefined ? undefined : { text: kind.format(limit), line: isNear ? levelLine(y(limit)) : '' },
  };
}

/** Whether there is anything to draw. */
export function hasNumbers({ series }: ChartKind, readings: readonly Reading[]): boolean {
  return series.some(({ quantity }) => readings.some((reading) => Number.isFinite(reading[quantity])));
}

/** The series' number at each reading; NaN where it is unknown. */
function valuesOf({ quantity, isRate, factor = 1 }: Series, readings: readonly Reading[]): number[] {
  return readings.map(
    (reading, index) => (isRate ? rateOf(quantity, readings[index - 1], reading) : reading[quantity]) * factor,
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Joins the points that are known, with a gap where one is not. */
function pathsOf(points: readonly Point[]): { line: string; area: string } {
  let line = '';
  let area = '';
  let run: Point[] = [];
  const finish = (): void => {
    const [first] = run;
    if (first === undefined) return;
    const through = run.map(({ x, y }) => `${round(x)} ${round(y)}`).join('L');
    line += `M${through}`;
    area += `M${round(first.x)} ${HEIGHT}L${through}L${round(run.at(-1)!.x)} ${HEIGHT}Z`;
    run = [];
  };
  for (const point of points) {
    if (Number.isFinite(point.y)) run.push(point);
    else finish();
  }
  finish();
  return { line, area };
}

function levelLine(y: number): string {
  return `M0 ${round(y)}L${WIDTH} ${round(y)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

const STEPS = [1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300, 400, 500, 600, 800];

/** The next round number of a unit. */
function roundTop(value: number, base: number): number {
  const unit = base ** Math.floor(Math.log(value) / Math.log(base));
  const scaled = value / unit;
  return (STEPS.find((each) => each >= scaled) ?? base) * unit;
}
