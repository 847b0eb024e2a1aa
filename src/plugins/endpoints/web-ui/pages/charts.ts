import type { ContainerView } from '../../../../kernel/contracts/index.js';
import { coresLimit, finiteLimit } from '../../common/index.js';
import { seriesOf } from '../../top/index.js';
import { CHARTS, type ChartKind, type Limits, legendEntry, type SeriesName } from '../shared/charts.js';
import { type Html, html } from '../shared/html.js';
import type { PageRequest } from './page-request.js';

/** The newest number of each series; NaN where there is none. */
type Newest = (name: SeriesName) => number;

/** The charts of a container: the newest numbers, which a script draws over time. Charts without any number are hidden. */
export function chartsSection(container: ContainerView, request: PageRequest): Html {
  const { links } = request;
  const series: Partial<Record<SeriesName, readonly (number | null)[]>> & { times: number[] } = seriesOf(container);
  const limits = limitsOf(container, request);
  const time = series.times.at(-1) ?? 0;
  const newest: Newest = (name) => series[name]?.at(-1) ?? Number.NaN;
  const isKnown = ({ series: all }: ChartKind): boolean =>
    Object.values(all).some((name) => series[name]?.some((value) => value !== null));
  const kinds = CHARTS.filter(({ isOfContainers }) => container.name !== '/' || isOfContainers !== true);
  const figures = kinds.map((kind) => figure(kind, newest, limits, isKnown(kind)));
  return html`<section id="charts" class="charts" aria-label="Charts" data-url="${links.api('top', container.name)}" data-time="${time / 1000}" data-cores="${limits.cores}" data-memory="${limits.memory}">
<div class="chartbar" hidden><fieldset class="ranges"><legend>Time</legend>${RANGES.map(
    ([range, text]) =>
      html`<label><input type="radio" name="range" value="${range}"${range === 'live' && html` checked`}>${text}</label>`,
  )}</fieldset><p id="sampling" class="quiet"></p><p id="at" class="quiet" aria-live="polite"></p></div>
<div class="figures">${figures}</div>${time === 0 && html`<p class="quiet">No numbers yet: the first sample is on its way.</p>`}
</section>`;
}

/** What the charts of an open page have to know anew. */
export function limitsHolder(container: ContainerView, request: PageRequest): Html {
  const { cores, memory } = limitsOf(container, request);
  return html`<div id="charts" data-cores="${cores}" data-memory="${memory}"></div>`;
}

const RANGES = [
  ['live', '2 minutes'],
  ['hour', '1 hour'],
  ['day', '1 day'],
] as const;

function figure(
  { id, title, series, format, limit }: ChartKind,
  newest: Newest,
  limits: Limits,
  isKnown: boolean,
): Html {
  const bound = limit === undefined ? undefined : limits[limit];
  return html`<figure data-chart="${id}"${!isKnown && html` hidden`}><figcaption><h2>${title}</h2><dl>${Object.entries(
    series,
  ).map(([label, name], index) =>
    legendEntry(index, label, format(newest(name)), newest(name)),
  )}${bound !== undefined && html`<div class="series limit"><dt>limit</dt><dd data-limit>${format(bound)}</dd></div>`}</dl></figcaption><div class="plot" data-plot></div></figure>
`;
}

/** The limits that lines and bars show; of the machine what it has. */
export function limitsOf(container: ContainerView, { agent }: Pick<PageRequest, 'agent'>): Limits {
  const limits = container.limits();
  const cores = container.name === '/' ? agent.host.machine().num_cores : coresLimit(limits);
  const memory = finiteLimit(limits.memory.limit);
  return { ...(cores !== undefined && { cores }), ...(memory !== undefined && { memory }) };
}
