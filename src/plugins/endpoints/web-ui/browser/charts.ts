import type { AppSeriesNumbers } from '../../../../client/top/columns.js';
import { CHARTS, type ChartKind, type Limits, legendEntry, SERIES, type SeriesName } from '../shared/charts.js';
import { EVENT_WORDS } from '../shared/states.js';
import { AppCharts } from './app-charts.js';
import { elementOf, setText } from './dom.js';
import { type ChartEvent, Plot } from './plot.js';
import { ask } from './poller.js';

/** The live charts show this many ms. */
const LIVE_MS = 120_000;
/** Minutes are asked for this often, ms. */
const MINUTES_MS = 60_000;
const RANGE_MS = { live: LIVE_MS, hour: 3_600_000, day: 86_400_000 } as const;
type Range = keyof typeof RANGE_MS;

interface Answer extends Partial<Readonly<Record<SeriesName, readonly (number | null)[]>>> {
  /** µs since the epoch */
  readonly times: readonly number[];
  readonly interval_ms?: number | null;
  readonly process_count?: number | null;
  readonly events: readonly { readonly time: number; readonly type: keyof typeof EVENT_WORDS; readonly text: string }[];
  readonly app_metrics?: readonly AppSeriesNumbers[];
}

/** Numbers over time: one list per series, as long as `times`. */
class Store {
  /** µs since the epoch */
  times: number[] = [];
  readonly series = new Map<SeriesName, (number | null)[]>(SERIES.map((name) => [name, []]));
  events: ChartEvent[] = [];

  get newest(): number {
    return this.times.at(-1) ?? 0;
  }

  /** Adds what an answer has, and forgets what is too old. */
  add(answer: Answer, spanMs: number): void {
    const { times, events, process_count: processes = null } = answer;
    // How many processes there were before is not known.
    const hadTimes = this.times.length > 0;
    // The clock was set back.
    if ((times.at(-1) ?? this.newest) < this.newest) this.clear();
    for (const [name, values] of this.series) {
      const isKnown = (i: number): boolean => name === 'processes' && (hadTimes || i === times.length - 1);
      const fresh = answer[name] ?? times.map((_, i) => (isKnown(i) ? processes : null));
      values.push(...fresh);
    }
    this.times.push(...times);
    const old = this.times.findIndex((time) => time >= this.newest - spanMs * 1000 - 2e6);
    if (old > 0) for (const values of [this.times, ...this.series.values()]) values.splice(0, old);
    this.events.push(
      ...events.map(({ time, type, text }) => ({
        time: time / 1000,
        text: [EVENT_WORDS[type], text].filter(Boolean).join(': '),
      })),
    );
  }

  clear(): void {
    for (const values of [this.times, ...this.series.values()]) values.length = 0;
    this.events = [];
  }
}

/** The charts of a container, over the last two minutes, hour or day. */
export class LiveCharts {
  private readonly store = new Store();
  private readonly plots: readonly { readonly kind: ChartKind; readonly figure: HTMLElement; plot: Plot | undefined }[];
  private readonly apps: AppCharts | undefined;
  private range: Range;
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly section: HTMLElement) {
    this.plots = CHARTS.flatMap((kind) => {
      const figure = section.querySelector<HTMLElement>(`[data-chart="${kind.id}"]`);
      return figure === null ? [] : [{ kind, figure, plot: undefined }];
    });
    const apps = document.getElementById('app-charts');
    this.apps = apps === null ? undefined : new AppCharts(apps, LIVE_MS);
    const bar = section.querySelector<HTMLElement>('.chartbar')!;
    bar.hidden = false;
    bar.addEventListener('change', ({ target }) => this.choose((target as HTMLInputElement).value as Range));
    const chosen = new URLSearchParams(location.search).get('range');
    this.range = chosen === 'hour' || chosen === 'day' ? chosen : 'live';
    bar.querySelector<HTMLInputElement>(`input[value="${this.range}"]`)!.checked = true;
  }

  /** Asks for what is newer than the last time and draws it. */
  async renew(signal: AbortSignal): Promise<void> {
    const { url } = this.section.dataset;
    const { range, store } = this;
    if (range !== 'live' && performance.now() - this.askedAt < MINUTES_MS) return;
    const query = range === 'live' ? `series=true&since=${store.newest}` : `range=${range}`;
    const answer = JSON.parse(await ask(`${url}?${query}`, signal)) as Answer;
    if (range !== this.range) return;
    this.askedAt = performance.now();
    if (range !== 'live') store.clear();
    store.add(answer, RANGE_MS[range]);
    this.apps?.add(answer.app_metrics ?? []);
    this.draw();
    this.showSampling(answer);
  }

  private choose(range: Range): void {
    this.range = range;
    this.askedAt = Number.NEGATIVE_INFINITY;
    this.store.clear();
    const query = new URLSearchParams(location.search);
    if (range === 'live') query.delete('range');
    else query.set('range', range);
    history.replaceState(null, '', query.size === 0 ? location.pathname : `?${query}`);
    for (const each of this.plots) {
      each.plot?.remove();
      each.plot = undefined;
    }
    void this.renew(new AbortController().signal);
  }

  private draw(): void {
    const { store, range } = this;
    this.section.dataset.time = String(store.newest / 1000);
    for (const each of this.plots) {
      const { kind, figure } = each;
      const series = range === 'live' ? kind.series : (kind.minuteSeries ?? {});
      const data = Object.values(series).map((name) => store.series.get(name)!);
      figure.hidden = !data.some((values) => values.some((value) => value !== null));
      if (figure.hidden) continue;
      each.plot ??= new Plot(figure, kind, labelled(figure, Object.keys(series)), (text) => showIn('at', text));
      const limit = kind.limit && this.limits()[kind.limit];
      each.plot.show(store.times, data, limit, store.events, RANGE_MS[range]);
    }
  }

  /** As the page says now: they may change while it is looked at. */
  private limits(): Limits {
    const { cores, memory } = this.section.dataset;
    return { ...(cores && { cores: Number(cores) }), ...(memory && { memory: Number(memory) }) };
  }

  private showSampling({ interval_ms: intervalMs }: Answer): void {
    const live = intervalMs == null ? '' : `sampled every ${intervalMs / 1000} s while you look`;
    showIn('sampling', this.range === 'live' ? live : 'CPU and memory by minute');
  }
}

function showIn(id: string, text: string): void {
  setText(document.getElementById(id)!, text);
}

/** Writes the names of the series into the legend. */
function labelled(figure: HTMLElement, labels: readonly string[]): readonly string[] {
  for (const [index, label] of labels.entries()) {
    const term = figure.querySelector(`.s${index} dt`);
    if (term !== null) setText(term, label);
    else figure.querySelector('.s0')!.after(elementOf(legendEntry(index, label)));
  }
  return labels;
}
