import { type DrawnChart, HEIGHT, WIDTH } from '../shared/charts.js';
import type { Presentation } from '../shared/presentation.js';
import { type Html, html } from './html.js';

/** The live part of a container's page. The browser finds what to renew by the `data-` attributes. */
export function chartsSection({ charts, time }: Presentation): Html {
  if (charts.length === 0) {
    return html`<section id="charts" data-charts=""><p class="quiet">No numbers yet: the first sample is on its way.</p></section>`;
  }
  return html`<section id="charts" class="charts" aria-label="Live numbers" data-time="${time}" data-charts="${charts.map(({ id, limit }) => (limit ? `${id}+limit` : id)).join(' ')}">
${charts.map(figure)}
</section>`;
}

function figure({ id, title, series, top, limit }: DrawnChart): Html {
  return html`<figure data-chart="${id}">
<figcaption><h2>${title}</h2><dl>${series.map(
    ({ label, text, value }, index) =>
      html`<div class="series s${index}"><dt>${label}</dt><dd data-series="${index}" data-value="${value}">${text}</dd></div>`,
  )}${limit && html`<div class="series limit"><dt>limit</dt><dd data-limit-text>${limit.text}</dd></div>`}</dl></figcaption>
<div class="plot"><span class="top" data-top>${top}</span>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title}, the last 2 minutes">
<path class="grid" d="M0 ${HEIGHT / 2}L${WIDTH} ${HEIGHT / 2}"/>${series.map(
    ({ area, line }, index) =>
      html`<path class="area s${index}" data-area="${index}" d="${area}"/><path class="line s${index}" data-line="${index}" d="${line}"/>`,
  )}${limit && html`<path class="limit" data-limit d="${limit.line}"/>`}
</svg><span class="from">2 min ago</span><span class="now">now</span></div>
</figure>`;
}

/** A bar that is filled to a share. @param share 0 … 1 */
export function bar(share: number, label: string, attributes: Html = html``): Html {
  const level = share >= 0.9 ? 'high' : 'normal';
  return html`<svg class="bar ${level}" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="${label}"><rect class="all" width="100" height="6"/><rect class="part" ${attributes} width="${Math.round(share * 1000) / 10}" height="6"/></svg>`;
}

/** What of the limits is in use. */
export function usageOfLimits({ memoryShare, memoryText, throttledText }: Presentation, hasQuota: boolean): Html {
  return html`${
    memoryShare !== undefined &&
    html`<div><dt>Memory in use</dt><dd><span data-memory-text>${memoryText}</span> ${bar(memoryShare, 'Share of the memory limit', html`data-memory-bar`)}</dd></div>`
  }${hasQuota && html`<div><dt>CPU quota</dt><dd data-throttled>${throttledText}</dd></div>`}`;
}
