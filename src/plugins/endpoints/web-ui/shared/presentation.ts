import { CHARTS, type DrawnChart, drawChart, hasNumbers } from './charts.js';
import { type Limits, type Reading, recent } from './reading.js';
import { bytes, percent, UNKNOWN } from './units.js';

/** Everything on a page that follows the samples: the server writes it once, the browser keeps it current. */
export interface Presentation {
  /** When the newest sample was taken, ms since the epoch; 0 without one. */
  readonly time: number;
  readonly charts: readonly DrawnChart[];
  /** Share of the memory limit that the working set takes, 0 … 1; absent without a limit. */
  readonly memoryShare: number | undefined;
  readonly memoryText: string;
  /** Share of the CPU quota's periods that were cut short, as text. */
  readonly throttledText: string;
}

/** @param readings oldest first */
export function present(readings: readonly Reading[], limits: Limits): Presentation {
  const shown = recent(readings);
  const newest = shown.at(-1);
  const share = limits.memory === undefined || newest === undefined ? undefined : newest.workingSet / limits.memory;
  return {
    time: newest?.time ?? 0,
    charts: CHARTS.filter((kind) => hasNumbers(kind, shown)).map((kind) => drawChart(kind, shown, limits)),
    memoryShare: share === undefined || Number.isNaN(share) ? undefined : Math.min(1, share),
    memoryText:
      share === undefined
        ? UNKNOWN
        : `${bytes(newest!.workingSet)} of ${bytes(limits.memory!)} (${percent(share * 100)})`,
    throttledText: throttledText(shown.at(-2), newest),
  };
}

function throttledText(last: Reading | undefined, current: Reading | undefined): string {
  const periods = (current?.periods ?? Number.NaN) - (last?.periods ?? Number.NaN);
  const throttled = (current?.throttledPeriods ?? Number.NaN) - (last?.throttledPeriods ?? Number.NaN);
  if (!(periods >= 0 && throttled >= 0)) return UNKNOWN;
  return `held back in ${percent(periods === 0 ? 0 : (throttled / periods) * 100)} of the periods`;
}
