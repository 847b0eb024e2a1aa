import type { AppSeriesNumbers } from '../../../../client/top/columns.js';
import { legendEntry } from '../shared/charts.js';
import { html } from '../shared/html.js';
import { plain } from '../shared/units.js';
import { elementOf } from './dom.js';
import { Plot } from './plot.js';

/** So many metrics are drawn. */
const CHARTS = 12;

interface Drawn {
  readonly plot: Plot;
  times: number[];
  values: (number | null)[];
}

/** A chart for each metric of the application in a container. */
export class AppCharts {
  private readonly drawn = new Map<string, Drawn>();

  constructor(
    private readonly place: HTMLElement,
    private readonly spanMs: number,
  ) {}

  /** Takes values in that are newer than those before. */
  add(metrics: readonly AppSeriesNumbers[]): void {
    for (const metric of metrics) {
      const key = JSON.stringify([metric.name, metric.labels]);
      const known = this.drawn.get(key) ?? this.draw(key, metric);
      if (known === undefined) continue;
      known.times = [...known.times, ...metric.times].slice(-500);
      known.values = [...known.values, ...metric.values].slice(-500);
      const values = metric.cumulative ? rates(known.times, known.values) : known.values;
      known.plot.show(known.times, [values], undefined, [], this.spanMs);
    }
  }

  private draw(key: string, metric: AppSeriesNumbers): Drawn | undefined {
    if (this.drawn.size >= CHARTS) return undefined;
    if (this.drawn.size === 0) {
      this.place.innerHTML =
        html`<section class="charts" aria-label="Application metrics over time"><div class="figures"></div></section>`.text;
    }
    const { name, labels, unit, cumulative } = metric;
    const title = [name, ...Object.entries(labels).map(([label, value]) => `${label}=${value}`)].join(' ');
    const figure = elementOf<HTMLElement>(
      html`<figure><figcaption><h2 title="${title}">${title}</h2><dl>${legendEntry(0, cumulative ? 'per second' : unit || 'value')}</dl></figcaption><div class="plot" data-plot></div></figure>`,
    );
    this.place.querySelector('.figures')!.append(figure);
    const plot = new Plot(figure, { title, format: plain, leastTop: 0 }, [name], () => {});
    const drawn: Drawn = { plot, times: [], values: [] };
    this.drawn.set(key, drawn);
    return drawn;
  }
}

/** Growth per second between adjacent values; null where a counter began anew. */
function rates(times: readonly number[], values: readonly (number | null)[]): (number | null)[] {
  return values.map((value, i) => {
    const before = values[i - 1];
    const seconds = (times[i]! - (times[i - 1] ?? 0)) / 1e6;
    if (value === null || before == null || seconds <= 0 || value < before) return null;
    return (value - before) / seconds;
  });
}
