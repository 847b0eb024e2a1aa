import uPlot from 'uplot';
import { type ChartKind, topOf } from '../shared/charts.js';
import { setText } from './dom.js';

/** All charts of a page show the same instant under the pointer. */
const SYNC = 'charts';
const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);
const PALETTE = ['--s0', '--s1', '--s2', '--s3', '--s4', '--s5'];

/** Something that happened, marked in the chart. */
export interface ChartEvent {
  /** ms since the epoch */
  readonly time: number;
  readonly text: string;
}

/** One chart: lines over time, the limit as a line, events as markers, and in its legend the numbers under the pointer. */
export class Plot {
  private readonly chart: uPlot;
  private readonly values: readonly HTMLElement[];
  private readonly limitText: HTMLElement | null;
  private readonly resized: ResizeObserver;
  private readonly dark = matchMedia('(prefers-color-scheme: dark)');
  private limit: number | undefined;
  private events: readonly ChartEvent[] = [];
  private top = 1;
  private spanMs = 0;

  /** @param onTime called with the instant under the pointer and what happened then; '' without a pointer */
  constructor(
    figure: HTMLElement,
    private readonly kind: Pick<ChartKind, 'title' | 'format' | 'leastTop' | 'isBinary'>,
    labels: readonly string[],
    private readonly onTime: (text: string) => void,
  ) {
    const holder = figure.querySelector<HTMLElement>('[data-plot]')!;
    this.values = labels.map((_, index) => figure.querySelector<HTMLElement>(`[data-series="${index}"]`)!);
    this.limitText = figure.querySelector('[data-limit]');
    holder.tabIndex = 0;
    holder.setAttribute('role', 'img');
    holder.setAttribute('aria-label', `${kind.title} over time; arrow keys read values`);
    this.chart = new uPlot(
      this.options(labels, holder),
      [[], ...labels.map(() => [])] as unknown as uPlot.AlignedData,
      holder,
    );
    this.resized = new ResizeObserver(() =>
      this.chart.setSize({ width: holder.clientWidth, height: holder.clientHeight }),
    );
    this.resized.observe(holder);
    holder.addEventListener('keydown', (event) => this.key(event));
    holder.addEventListener('blur', () => this.chart.setCursor({ left: -10, top: -10 }));
    this.dark.addEventListener('change', this.redraw);
  }

  /**
   * Draws.
   * @param times µs since the epoch
   * @param data values of each series
   */
  show(
    times: readonly number[],
    data: readonly (readonly (number | null)[])[],
    limit: number | undefined,
    events: readonly ChartEvent[],
    spanMs: number,
  ): void {
    let highest = 0;
    for (const values of data) for (const value of values) if (value !== null && value > highest) highest = value;
    this.limit = limit;
    this.events = events;
    this.spanMs = spanMs;
    this.top = topOf(this.kind.leastTop, highest, limit);
    this.chart.setData([times.map((time) => time / 1e6), ...data] as unknown as uPlot.AlignedData);
    if (this.limitText !== null && limit !== undefined) this.limitText.textContent = this.kind.format(limit);
    this.showValues();
  }

  remove(): void {
    this.resized.disconnect();
    this.dark.removeEventListener('change', this.redraw);
    this.chart.destroy();
  }

  private readonly redraw = (): void => this.chart.redraw();

  private options(labels: readonly string[], holder: HTMLElement): uPlot.Options {
    const colour = (name: string) => () => getComputedStyle(holder).getPropertyValue(name);
    const axis: uPlot.Axis = {
      stroke: colour('--quiet'),
      grid: { stroke: colour('--grid'), width: 1 },
      ticks: { show: false },
      font: '11px system-ui, sans-serif',
    };
    return {
      width: holder.clientWidth,
      height: holder.clientHeight,
      legend: { show: false },
      cursor: { sync: { key: SYNC }, drag: { x: false, y: false }, points: { size: 6 }, y: false },
      scales: {
        x: { time: true, range: (_chart, _min, max) => [max - this.spanMs / 1000, max] },
        y: { range: () => [0, this.top] },
      },
      axes: [
        {
          ...axis,
          space: 64,
          size: 20,
          values: (_chart, splits) => splits.map((seconds) => this.clock(seconds * 1000)),
        },
        {
          ...axis,
          size: 66,
          space: 26,
          values: (_chart, splits) => splits.map((value) => this.kind.format(value)),
          ...(this.kind.isBinary === true && { incrs: POWERS_OF_TWO }),
        },
      ],
      series: [
        {},
        ...labels.map((label, index) => ({
          label,
          stroke: colour(PALETTE[index % PALETTE.length]!),
          width: 1.5,
          points: { show: false },
          ...(index === 0 && { fill: colour('--fill') }),
        })),
      ],
      hooks: { setCursor: [() => this.showValues()], draw: [(chart) => this.mark(chart, colour)] },
    };
  }

  /** The limit, and what happened. */
  private mark({ ctx, bbox, valToPos }: uPlot, colour: (name: string) => () => string): void {
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.strokeStyle = colour('--limit')();
    if (this.limit !== undefined && this.limit <= this.top) {
      const y = Math.round(valToPos(this.limit, 'y', true));
      line(ctx, bbox.left, y, bbox.left + bbox.width, y);
    }
    ctx.setLineDash([]);
    ctx.strokeStyle = colour('--event')();
    ctx.fillStyle = colour('--event')();
    for (const { time } of this.events) {
      const x = Math.round(valToPos(time / 1000, 'x', true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      line(ctx, x, bbox.top, x, bbox.top + bbox.height);
      ctx.fillRect(x - 3 * devicePixelRatio, bbox.top, 6 * devicePixelRatio, 4 * devicePixelRatio);
    }
    ctx.restore();
  }

  /** The numbers under the pointer, else the newest. */
  private showValues(): void {
    const { data } = this.chart;
    const under = this.chart.cursor.idx;
    const index = under ?? data[0].length - 1;
    for (const [i, element] of this.values.entries()) {
      const value = data[i + 1]?.[index];
      const text = this.kind.format(value ?? Number.NaN);
      setText(element, text);
      if (under == null) element.dataset.value = String(value ?? Number.NaN);
    }
    this.onTime(under == null ? '' : this.timeText(data[0][under]! * 1000));
  }

  private timeText(time: number): string {
    const near = this.events.filter((event) => Math.abs(event.time - time) < this.spanMs / 100);
    return [new Date(time).toLocaleTimeString(), ...near.map(({ text }) => text)].join(' · ');
  }

  /** A time at the axis: with seconds where the chart spans minutes. */
  private clock(time: number): string {
    const seconds = this.spanMs < 1_800_000 ? ({ second: '2-digit' } as const) : {};
    return new Date(time).toLocaleTimeString(undefined, {
      hour: '2-digit',
      minute: '2-digit',
      hour12: false,
      ...seconds,
    });
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const [times] = this.chart.data;
    if (step === undefined || times.length === 0) return;
    event.preventDefault();
    const from = this.chart.cursor.idx ?? times.length;
    const index = Math.min(times.length - 1, Math.max(0, from + step));
    this.chart.setCursor({ left: this.chart.valToPos(times[index]!, 'x'), top: 10 });
  }
}

function line(ctx: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}
