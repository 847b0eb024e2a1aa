import { type ApiSample, readingOf } from '../shared/api-sample.js';
import type { DrawnChart } from '../shared/charts.js';
import { type Presentation, present } from '../shared/presentation.js';
import { LEAST_INTERVAL, type Limits, merged, type Reading, SPAN } from '../shared/reading.js';
import { ask } from './poller.js';

/** Keeps the numbers and charts of a container's page current. */
export class Numbers {
  private readings: readonly Reading[] = [];
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly url: string,
    private readonly limits: () => Limits,
  ) {}

  /** Asks for the samples since the last time and shows them. */
  async renew(signal: AbortSignal): Promise<void> {
    const askedAt = performance.now();
    const passed = Math.min(SPAN, askedAt - this.askedAt);
    const count = Math.ceil(passed / LEAST_INTERVAL) + 3;
    const response = await ask(`${this.url}?count=${count}`, signal);
    const [samples = []] = Object.values((await response.json()) as Record<string, ApiSample[]>);
    this.askedAt = askedAt;
    this.readings = merged(this.readings, samples.map(readingOf));
    this.show();
  }

  /** Writes what is known into the page, also after parts of it were replaced. */
  show(): void {
    if (this.readings.length > 0) showPresentation(present(this.readings, this.limits()));
  }
}

function showPresentation({ time, charts, memoryShare, memoryText, throttledText }: Presentation): void {
  for (const chart of charts) showChart(chart);
  document.getElementById('charts')!.dataset.time = String(time);
  setText('[data-memory-text]', memoryText);
  if (memoryShare !== undefined) {
    document.querySelector('[data-memory-bar]')?.setAttribute('width', String(memoryShare * 100));
  }
  setText('[data-throttled]', throttledText);
}

function showChart({ id, series, top, limit }: DrawnChart): void {
  const chart = document.querySelector(`[data-chart="${id}"]`);
  if (chart === null) return;
  for (const [index, { text, value, line, area }] of series.entries()) {
    const number = chart.querySelector(`[data-series="${index}"]`);
    if (number !== null) number.textContent = text;
    number?.setAttribute('data-value', String(value));
    chart.querySelector(`[data-line="${index}"]`)?.setAttribute('d', line);
    chart.querySelector(`[data-area="${index}"]`)?.setAttribute('d', area);
  }
  chart.querySelector('[data-limit]')?.setAttribute('d', limit?.line ?? '');
  setText('[data-limit-text]', limit?.text ?? '', chart);
  setText('[data-top]', top, chart);
}

function setText(selector: string, text: string, within: ParentNode = document): void {
  const element = within.querySelector(selector);
  if (element !== null && element.textContent !== text) element.textContent = text;
}
